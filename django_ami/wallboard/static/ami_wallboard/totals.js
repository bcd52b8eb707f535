/** All queues of all servers together: the figures that are read from the far side of the room. */

import { elapsed } from "./clock.js";
import { fields, put, set, style } from "./dom.js";
import { partOf } from "./queues.js";
import { level, limitsOf } from "./thresholds.js";

const SUMS = ["waiting", "offered", "answered", "abandoned"];

/** One of several: counts are added, the oldest caller is the oldest, a share is weighted. */
export function sum(totals) {
  const made = { agents: { free: 0, busy: 0, paused: 0, away: 0 } };
  let weight = 0;
  let level = 0;
  for (const one of totals) {
    for (const name of SUMS) made[name] = (made[name] ?? 0) + (one[name] ?? 0);
    if (one.oldest !== undefined) made.oldest = Math.min(one.oldest, made.oldest ?? Infinity);
    if (one.service_level !== undefined) {
      const calls = (one.answered ?? 0) + (one.abandoned ?? 0);
      weight += calls;
      level += one.service_level * calls;
    }
    for (const [state, count] of Object.entries(one.agents ?? {})) made.agents[partOf(state)] += count;
  }
  if (weight > 0) made.service_level = level / weight;
  return made;
}

export class Totals {
  #page;
  #node;
  #f;
  #sum = sum([]);

  constructor(page, node) {
    this.#page = page;
    this.#node = node;
    this.#f = fields(node);
  }

  update() {
    const { store, format, config } = this.#page;
    const all = [...store.all("totals")];
    const total = (this.#sum = sum(all.map(([, , object]) => object)));
    for (const name of SUMS) put(this.#f[name], format.count(total[name]));
    put(this.#f.service, format.share(total.service_level));
    const { service } = limitsOf(config.thresholds);
    const missed = total.service_level !== undefined && total.service_level < service;
    set(this.#f.service, "data-level", missed ? "warning" : "ok");
    for (const [part, count] of Object.entries(total.agents)) {
      put(this.#f[part], format.count(count));
      style(this.#f.bar, `--${part}`, count);
    }
    this.#node.classList.toggle("stale", all.some(([server]) => !this.#page.isFresh(server)));
    this.tick(this.#page.clock.now());
  }

  get waiting() {
    return this.#sum.waiting ?? 0;
  }

  tick(now) {
    const { oldest } = this.#sum;
    const wait = oldest === undefined ? undefined : elapsed(oldest, this.#page.nowOfAll(now));
    put(this.#f.longest, this.#page.format.duration(wait));
    set(this.#f.longest, "data-level", level(wait, limitsOf(this.#page.config.thresholds)));
  }
}
