/** The agents, each once, in whatever number of queues. */

import { elapsed } from "./clock.js";
import { party } from "./calls.js";
import { put, set } from "./dom.js";
import { Rows } from "./rows.js";

/** The order of the states on the page: whom a supervisor looks for first. */
const STATES = ["ringing", "talking", "talking_other", "wrap_up", "available", "paused", "unreachable", "offline"];

export class Agents extends Rows {
  constructor(page, body) {
    super(page, { kind: "agent", body, template: "agent-row", rolls: true, sort: "name" });
  }

  sorts = {
    name: ({ object }) => object.name || object.interface,
    state: ({ object }) => STATES.indexOf(object.state),
    since: ({ object }) => object.since,
    taken: ({ object }) => -(object.calls_taken ?? 0),
  };

  text({ object: agent, server }) {
    const { talk = {} } = agent;
    const words = [agent.name, agent.interface, agent.state, agent.pause_reason, talk.name, talk.number];
    return [...words, ...Object.keys(agent.queues ?? {}), this.page.agentStateOf(agent.state), server];
  }

  fill(entry, agent, f) {
    const { talk } = agent;
    const queues = Object.keys(agent.queues ?? {}).join(", ");
    set(entry.node, "data-state", agent.state);
    put(f.name, agent.name || agent.interface);
    set(f.name, "title", [agent.interface, queues].filter(Boolean).join(" · "));
    put(f.state, this.page.agentStateOf(agent.state));
    const paused = agent.state === "paused" ? agent.pause_reason : "";
    const other = party(talk);
    put(f.doing, talk ? other.name : (paused ?? ""));
    put(f.number, other.number);
    put(f.queue, talk?.queue ?? "");
    put(f.taken, this.page.format.count(agent.calls_taken ?? 0));
    put(f.occupancy, this.page.format.share(agent.occupancy_today));
  }

  tickRow({ object: agent, f }, now) {
    const since = agent.talk?.begin ?? agent.since;
    put(f.time, this.page.format.duration(since === undefined ? undefined : elapsed(since, now)));
  }
}
