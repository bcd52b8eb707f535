/** Places where calls are apart from queues: parking lots and conferences. */

import { known, party } from "./calls.js";
import { elapsed } from "./clock.js";
import { put } from "./dom.js";
import { Rows } from "./rows.js";

/** An empty list goes after so long: many sites park no calls, and it is not to come and go. */
const EMPTY_SECONDS = 20;

class Places extends Rows {
  #filled = -Infinity;

  arrange(now = false) {
    if (this.entries.size > 0) this.panel.hidden = false;
    return super.arrange(now);
  }

  tick(now) {
    if (this.entries.size > 0) this.#filled = now;
    this.panel.hidden = now - this.#filled > EMPTY_SECONDS;
    super.tick(now);
  }

  tickRow({ object, f }, now) {
    put(f.time, this.page.format.duration(elapsed(object.since, now)));
  }
}

/** The callers who are parked. */
export class Parked extends Places {
  constructor(page, body) {
    super(page, { kind: "parked", body, template: "parked-row", sort: "space" });
  }

  sorts = { space: ({ object }) => `${object.lot} ${object.space}` };

  text({ object, server }) {
    return [object.space, object.lot, object.name, object.number, server];
  }

  fill(entry, parked, f) {
    const { name, number } = party(parked, this.page.strings.unknown);
    put(f.space, parked.space);
    put(f.name, name);
    put(f.number, number);
    f.space.title = [known(parked.lot), entry.server].filter(Boolean).join(" · ");
  }
}

/** The conferences, and how many people are in each. */
export class Conferences extends Places {
  constructor(page, body) {
    super(page, { kind: "conference", body, template: "conference-row", sort: "name" });
  }

  text({ object, server }) {
    return [object.name, server];
  }

  fill(entry, conference, f) {
    const { format, strings } = this.page;
    const signs = ["locked", "recording"].filter((sign) => conference[sign]);
    put(f.name, conference.name);
    put(f.people, format.count(conference.count));
    put(f.signs, signs.map((sign) => strings.conference[sign]).join(", "));
    f.name.title = entry.server;
  }
}
