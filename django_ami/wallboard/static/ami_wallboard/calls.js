/** The live calls, one row each, and for some seconds those that have ended. */

import { elapsed } from "./clock.js";
import { put, set } from "./dom.js";
import { fill } from "./format.js";
import { Rows } from "./rows.js";

/** Asterisk has a word for a name or a number that it does not know. */
export const known = (text) => (text === "<unknown>" ? "" : text);

/** A party as people know it: by its name and its number, else by its device. */
export function party(party, otherwise = "") {
  const device = party?.device?.replace(/^[^/]*\//, "");
  const number = known(party?.number) || otherwise || device || "";
  const name = known(party?.name) || number;
  return { name, number: name === number ? "" : number };
}

/** The one who is called: the number that was dialled stands for a trunk, and for nobody yet. */
export const calleeOf = ({ callee, direction, requested }) =>
  party(callee, !callee || direction === "outbound" ? requested : "");

/** The queue, the conference or the parking space that a call is in. */
const placeOf = ({ queue, conference, parked }) => queue ?? conference ?? parked?.space ?? "";

/** Since when a call is what it is. */
export const sinceOf = (call) => call.held_since ?? call.answered ?? call.started;

export class Calls extends Rows {
  /** id of a call → the place of its caller in a queue; and id of a caller → id of his call. */
  #places = new Map();
  #callers = new Map();

  constructor(page, body) {
    super(page, { kind: "call", body, template: "call-row", rolls: true, sort: "started" });
  }

  sorts = {
    started: ({ object }) => -object.started,
    duration: ({ object }) => (object.ended === undefined ? sinceOf(object) : undefined),
    state: ({ object }) => this.page.stateOf(object.state),
    from: ({ object }) => party(object.caller).name || undefined,
    to: ({ object }) => calleeOf(object).name || undefined,
    queue: ({ object }) => placeOf(object) || undefined,
  };

  /** Takes the callers in queues that changed: Map of id → [server, name]. */
  takeCallers(changes) {
    for (const [id, [server, name]] of changes) {
      const caller = this.page.store.get(server, "caller", name);
      const before = this.#callers.get(id);
      const call = caller?.call === undefined ? undefined : `${server}\n${caller.call}`;
      if (before !== call) this.#places.delete(before);
      if (call === undefined) this.#callers.delete(id);
      else {
        this.#callers.set(id, call);
        this.#places.set(call, caller.position);
      }
      for (const one of new Set([before, call])) {
        const entry = this.entries.get(one);
        if (entry?.node) this.#showPlace(entry);
      }
    }
  }

  keeps(call) {
    return !call.merged_into;
  }

  text({ object: call, server }) {
    const people = [call.caller, call.callee].flatMap((one) => [one?.name, one?.number, one?.device]);
    const words = [call.requested, placeOf(call), call.agent, server];
    return [...people, ...words, call.state, this.page.stateOf(call.state)];
  }

  fill(entry, call, f) {
    const ended = call.ended !== undefined;
    const from = party(call.caller);
    const to = calleeOf(call);
    set(entry.node, "data-state", ended ? "ended" : call.state);
    set(entry.node, "data-outcome", ended ? call.outcome : undefined);
    set(entry.node, "data-direction", call.direction);
    put(f.state, ended ? this.page.outcomeOf(call.outcome) : this.page.stateOf(call.state));
    put(f.from, from.name || this.page.strings.unknown);
    put(f.fromNumber, from.number);
    put(f.to, to.name || "–");
    put(f.toNumber, to.number);
    put(f.queue, placeOf(call));
    this.#showPlace(entry);
    if (entry.started !== call.started) set(f.time, "title", this.page.format.time((entry.started = call.started)));
  }

  #showPlace({ id, object, f }) {
    const place = object.state === "queued" ? this.#places.get(id) : undefined;
    const { format, strings } = this.page;
    put(f.place, place === undefined ? "" : fill(strings.place, { place: format.count(place) }));
  }

  tickRow({ object: call, f }, now) {
    const since = sinceOf(call);
    const talked = call.answered === undefined ? undefined : call.ended - call.answered;
    const seconds = call.ended === undefined ? elapsed(since, now) : talked;
    put(f.time, this.page.format.duration(seconds));
  }
}
