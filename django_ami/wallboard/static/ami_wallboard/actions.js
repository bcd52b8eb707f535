/**
 * The actions of the wallboard: click to call, and the buttons in the rows of calls and agents,
 * for what the visitor may do.
 */

import "./call-status.js";
import { addressOf, clickId, config as commands, filled, post, strings } from "./commands.js";
import { ask, field, make } from "./dialogs.js";

/** The actions of a row, by its kind: the deed that each needs, and its dialog. */
const ACTIONS = {
  call: [{ deed: "listen", open: listen }, { deed: "transfer", open: transfer }, { deed: "hangup", open: hangUp }],
  agent: [{ deed: "pause", open: pause }],
};

/** Puts the buttons into the rows that are there and into those to come, and the box for calls. */
export function mountActions(store, { may }) {
  const allowed = new Set(may);
  const mount = ({ kind, server, name, actions }) => {
    if (actions.childElementCount > 0) return;
    for (const action of ACTIONS[kind] ?? []) {
      if (allowed.has(action.deed)) actions.append(button(action, { store, kind, server, name }));
    }
  };
  document.addEventListener("ami-row", ({ detail }) => mount(detail));
  for (const actions of document.querySelectorAll(".row-actions")) {
    const row = actions.closest("[data-call], [data-agent]");
    if (!row) continue;
    const { call, agent, server } = row.dataset;
    mount(call ? { kind: "call", name: call, server, actions } : { kind: "agent", name: agent, server, actions });
  }
  const box = document.getElementById("call-box");
  if (box && allowed.has("call")) box.append(callBox());
}

function button({ deed, open }, place) {
  const label = filled(strings.actions[deed], { name: nameOf(place) });
  const svg = document.getElementById("ami-icons").content.querySelector(`[data-icon="${deed}"]`).cloneNode(true);
  const node = make("button", { type: "button", class: `ami-action ami-${deed}`, "data-action": deed, "aria-label": label, title: label }, svg);
  node.addEventListener("click", (event) => {
    event.stopPropagation();
    open(place);
  });
  return node;
}

// --- who it is about ---

const person = (party) => party?.name || party?.number || party?.device || "";

function nameOf({ store, kind, server, name }) {
  const object = store.get(server, kind, name) ?? {};
  if (kind === "agent") return object.name || object.interface || name;
  const parties = [person(object.caller), person(object.callee) || object.requested];
  return parties.filter(Boolean).join(" – ") || name;
}

/** The parties of a call, to choose one. */
function parties({ store, server, name }) {
  const call = store.get(server, "call", name) ?? {};
  return [
    ["caller", filled(strings.caller, { name: person(call.caller) })],
    ["callee", filled(strings.callee, { name: person(call.callee) || call.requested || "" })],
  ];
}

// --- the actions ---

/** What becomes of a call that was placed, for as long as the dialog is open. */
const status = (told, more) => make("ami-call-status", { url: told.url, call: told.call, hangup: true, ...more });

function callBox() {
  const input = make("input", { type: "tel", name: "number", required: true, autocomplete: "off", "aria-label": strings.number, placeholder: strings.number });
  const form = make("form", { class: "ami-call-form" }, input, make("button", { type: "submit" }, strings.call));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = input.value.trim();
    const click = clickId();
    const dialog = ask({
      testid: "call-dialog",
      title: filled(strings.call_title, { number }),
      text: strings.call_text,
      submit: strings.call,
      act: async () => status(await post(commands.urls.place, { number, click })),
    });
    dialog.addEventListener("close", () => (input.value = ""));
    dialog.querySelector("form").requestSubmit();
  });
  return form;
}

function hangUp(place) {
  ask({
    testid: "hangup-dialog",
    title: strings.hang_up,
    text: filled(strings.hang_up_text, { name: nameOf(place) }),
    submit: strings.hang_up,
    danger: true,
    act: async () => {
      await post(addressOf("hangup", place.name, place.server), {});
      return filled(strings.hung_up, { name: nameOf(place) });
    },
  });
}

function transfer(place) {
  ask({
    testid: "transfer-dialog",
    title: strings.transfer,
    text: filled(strings.transfer_text, { name: nameOf(place) }),
    fields: [
      field("party", strings.party, { options: parties(place) }),
      field("to", strings.to, { type: "tel", required: true }),
    ],
    submit: strings.transfer,
    act: async (words) => {
      const told = await post(addressOf("transfer", place.name, place.server), words);
      return filled(strings.transferred, { number: told.to });
    },
  });
}

function listen(place) {
  const click = clickId();
  ask({
    testid: "listen-dialog",
    title: strings.listen,
    text: filled(strings.listen_text, { name: nameOf(place) }),
    fields: [
      field("mode", strings.mode, { options: Object.entries(strings.modes) }),
      field("party", strings.heard, { options: [["", strings.agent_side], ...parties(place)] }),
    ],
    submit: strings.listen,
    act: async (words) => {
      words.set("click", click);
      return status(await post(addressOf("listen", place.name, place.server), words), { listens: true });
    },
  });
}

function pause(place) {
  const { store, server, name } = place;
  const agent = store.get(server, "agent", name) ?? {};
  const queues = Object.entries(agent.queues ?? {});
  const paused = queues.length > 0 && queues.every(([, isPaused]) => isPaused);
  const choices = [["", strings.all_queues], ...queues.map(([queue]) => [queue, queue])];
  ask({
    testid: "pause-dialog",
    title: filled(paused ? strings.go_on_title : strings.pause_title, { name: nameOf(place) }),
    fields: [
      field("queue", strings.queue, { options: choices }),
      field("paused", strings.what, {
        options: paused
          ? [["false", strings.go_on], ["true", strings.pause]]
          : [["true", strings.pause], ["false", strings.go_on]],
      }),
      field("reason", strings.reason, { type: "text", maxlength: 80 }),
    ],
    submit: strings.ok,
    act: async (words) => {
      words.set("interface", name);
      words.set("server", server);
      const told = await post(commands.urls.pause, words);
      return filled(told.paused ? strings.is_paused : strings.goes_on, { name: nameOf(place) });
    },
  });
}
