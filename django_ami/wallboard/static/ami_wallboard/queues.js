/** The queues, one tile each. */

import { elapsed } from "./clock.js";
import { put, set, style } from "./dom.js";
import { Rows } from "./rows.js";
import { level, limitsOf } from "./thresholds.js";

/** What an agent is to a queue, by its state. */
const PARTS = {
  available: "free",
  ringing: "busy",
  talking: "busy",
  talking_other: "busy",
  wrap_up: "busy",
  paused: "paused",
};

export const partOf = (state) => PARTS[state] ?? "away";

export class Queues extends Rows {
  /** id of a queue → how many of its agents are free, busy, paused, away */
  #agents = new Map();
  #part = [0, Infinity];

  constructor(page, body) {
    super(page, { kind: "queue", body, template: "queue-tile", sort: "name" });
  }

  sorts = {
    name: ({ name }) => name,
    waiting: ({ object }) => -object.waiting,
    longest: ({ object }) => object.oldest,
    service: ({ object }) => object.service_level,
  };

  /** Shows so many tiles, and at the next call the next ones; returns the page and their number. */
  turn(size) {
    const [first, end] = this.#part;
    const next = end - first === size && end < this.sorted.length ? end : 0;
    this.#part = [next, next + size];
    this.arrange(true);
    return size === Infinity ? [1, 1] : [this.part()[0] / size + 1, Math.ceil(this.sorted.length / size)];
  }

  part() {
    const [first, end] = this.#part;
    return first < this.sorted.length ? this.#part : [0, end - first]; // the tiles of a page may all go
  }

  text({ name, server }) {
    return [name, server];
  }

  /** Counts the agents of all queues anew. */
  countAgents() {
    const counted = new Map();
    for (const [server, , agent] of this.page.store.all("agent")) {
      for (const [queue, paused] of Object.entries(agent.queues ?? {})) {
        const id = `${server}\n${queue}`;
        if (!counted.has(id)) counted.set(id, { free: 0, busy: 0, paused: 0, away: 0 });
        const part = partOf(agent.state);
        counted.get(id)[paused && part === "free" ? "paused" : part] += 1;
      }
    }
    this.#agents = counted;
    for (const entry of this.shown) this.#fillAgents(entry);
  }

  fill(entry, queue, f) {
    const { format, config } = this.page;
    const limits = limitsOf(config.thresholds, entry.name);
    put(f.name, entry.name);
    set(f.name, "title", entry.name);
    put(f.server, this.page.many ? entry.server : "");
    put(f.waiting, format.count(queue.waiting));
    set(entry.node, "data-waiting", queue.waiting);
    put(f.service, format.share(queue.service_level));
    const missed = queue.service_level !== undefined && queue.service_level < limits.service;
    set(f.service, "data-level", missed ? "warning" : "ok");
    put(f.answered, format.count(queue.answered));
    put(f.abandoned, format.count(queue.abandoned));
    put(f.offered, format.count(queue.offered));
    this.#fillAgents(entry);
  }

  tickRow({ node, name, object, f }, now) {
    const limits = limitsOf(this.page.config.thresholds, name);
    const wait = object.oldest === undefined ? undefined : elapsed(object.oldest, now);
    const reached = level(wait, limits);
    put(f.longest, this.page.format.duration(wait));
    set(node, "data-state", reached);
    put(f.level, this.page.strings.levels[reached] ?? "");
    style(f.meter, "--part", Math.min(1, (wait ?? 0) / limits.critical).toFixed(3));
  }

  #fillAgents({ id, f }) {
    const counts = this.#agents.get(id) ?? { free: 0, busy: 0, paused: 0, away: 0 };
    for (const [part, count] of Object.entries(counts)) {
      put(f[part], this.page.format.count(count));
      style(f.bar, `--${part}`, count);
    }
  }
}
