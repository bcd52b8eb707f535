/** The live calls, one row each, and for some seconds those that have ended. */

import { elapsed } from "./clock.js";
import { put, set } from "./dom.js";
import { Rows } from "./rows.js";

/** Asterisk has a word for a name or a number that it does not know. */
const known = (text) => (text === "<unknown>" ? "" : text);

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
    if (entry.started !== call.started) set(f.time, "title", this.page.format.time((entry.started = call.started)));
  }

  tickRow({ object: call, f }, now) {
    const since = sinceOf(call);
    const talked = call.answered === undefined ? undefined : call.ended - call.answered;
    const seconds = call.ended === undefined ? elapsed(since, now) : talked;
    put(f.time, this.page.format.duration(seconds));
  }
}
