/** Whether what is shown is true now, and the banner that says that it is not. */

import { put, set } from "./dom.js";
import { fill } from "./format.js";

const SILENCE_SECONDS = 4;

export class Freshness {
  #page;
  #f;
  #heard = performance.now();
  #now;
  #any = false;
  #status = { name: "connecting" };
  #silent = false;
  /** server → the moment at which its timers stand still */
  #frozen = new Map();

  constructor(page, fields) {
    this.#page = page;
    this.#f = fields;
    this.#now = page.clock.now();
  }

  /** A message came, with the server's time. */
  heard(now) {
    this.#heard = performance.now();
    this.#now = now;
    this.#any = true;
    if (this.#silent) this.check();
  }

  status(status) {
    this.#status = status;
    this.check();
  }

  isFresh(server) {
    return !this.#silent && Boolean(this.#page.store.servers.get(server)?.fresh);
  }

  /** The time for the timers of a server: it stands still while nothing is known of it. */
  nowOf(server, now) {
    if (this.isFresh(server)) {
      this.#frozen.delete(server);
      return now;
    }
    const known = this.#silent ? this.#now : (this.#page.store.servers.get(server)?.heard ?? this.#now);
    if (!this.#frozen.has(server)) this.#frozen.set(server, Math.min(known, now));
    return this.#frozen.get(server);
  }

  /** The time for the timers of all servers together. */
  nowOfAll(now) {
    const servers = [...this.#page.store.servers.keys()];
    return Math.min(now, ...servers.map((server) => this.nowOf(server, now)));
  }

  /** Notices silence. Call it twice a second. */
  check() {
    const limit = this.#status.name === "polling" ? 3 * this.#status.seconds : SILENCE_SECONDS;
    const silent = this.#status.name === "refused" || performance.now() - this.#heard > limit * 1000;
    if (silent !== this.#silent) {
      this.#silent = silent;
      document.documentElement.classList.toggle("silent", silent);
      this.#page.refresh();
    }
    this.#show();
  }

  #show() {
    const { strings } = this.#page;
    const text = this.#text();
    const refused = this.#status.name === "refused";
    const stale = text !== "";
    this.#f.banner.hidden = !stale;
    document.documentElement.classList.toggle("old", stale);
    put(this.#f.text, text);
    this.#f.login.hidden = !refused;
    const state = stale ? "stale" : this.#any ? "live" : "connecting";
    set(this.#f.pill, "data-state", state);
    put(this.#f.pill, strings.connection[state]);
    put(this.#f.how, stale ? "" : this.#how());
    if (stale) {
      if (this.#f.banner.dataset.said !== text) this.#page.announcer.announce("stale", text);
    } else this.#page.announcer.withdraw("stale");
    this.#f.banner.dataset.said = text;
  }

  #text() {
    const { strings, format } = this.#page;
    if (this.#status.name === "refused") return strings.refused;
    if (this.#silent) return [fill(this.#any ? strings.silent : strings.never, { time: format.time(this.#now) }), this.#why()].join(" ");
    const stale = [...this.#page.store.servers.values()].filter(({ fresh }) => !fresh);
    return stale
      .map(({ name, heard }) => fill(strings.stale, { server: name, time: heard === undefined ? "–" : format.time(heard) }))
      .join(" ");
  }

  #why() {
    const { strings } = this.#page;
    if (this.#status.text) return this.#status.text;
    if (this.#status.name === "connecting" && !("BroadcastChannel" in window)) return strings.six;
    return strings.again;
  }

  #how() {
    const { strings } = this.#page;
    if (this.#status.name === "polling") return fill(strings.polling, { seconds: this.#status.seconds });
    return this.#status.shared ? strings.shared : "";
  }
}
