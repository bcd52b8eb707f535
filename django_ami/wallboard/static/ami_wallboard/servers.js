/** The servers: connected or not, the last sign of their listener, events in a second. */

import { elapsed } from "./clock.js";
import { put, set } from "./dom.js";
import { Rows } from "./rows.js";
import { points, Rate } from "./sparkline.js";

export class Servers extends Rows {
  #rates = new Map();

  constructor(page, body) {
    super(page, { kind: "server", body, template: "server-row", sort: "name" });
  }

  text() {
    return [];
  }

  update(changes) {
    super.update(changes);
    for (const [id, [server]] of changes) {
      const { object } = this.entries.get(id) ?? {};
      if (object?.received !== undefined) this.#rate(server).count(object.received, this.page.clock.now());
    }
  }

  /** Takes a sample of each rate: once a second. */
  sample() {
    for (const { server, f } of this.shown) {
      const rate = this.#rate(server);
      put(f.rate, this.page.format.count(rate.sample(this.page.isFresh(server))));
      set(f.line, "points", points(rate.values));
    }
  }

  fill(entry, server, f) {
    const { strings } = this.page;
    const state = this.#state(entry.server, server);
    set(entry.node, "data-state", state);
    put(f.name, server.name || entry.server);
    put(f.state, strings.servers[state]);
  }

  tickRow({ server: name, object: server, f }, now) {
    const { format, store } = this.page;
    put(f.since, format.duration(server.since === undefined ? undefined : elapsed(server.since, now)));
    const heard = store.servers.get(name)?.heard;
    put(f.heard, heard === undefined ? "–" : format.time(heard));
  }

  #state(name, server) {
    if (!this.page.isFresh(name)) return "stale";
    if (!server.ready) return "away";
    return server.complete ? "ready" : "partial";
  }

  #rate(server) {
    if (!this.#rates.has(server)) this.#rates.set(server, new Rate());
    return this.#rates.get(server);
  }
}
