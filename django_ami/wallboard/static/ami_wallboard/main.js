/** The wallboard: puts its parts together, and lets them work once per frame and once per second. */

import { Agents } from "./agents.js";
import { Alerts } from "./alerts.js";
import { Announcer } from "./announcer.js";
import { Calls } from "./calls.js";
import { Clock } from "./clock.js";
import { Connection } from "./connection.js";
import { Curve } from "./curve.js";
import { put } from "./dom.js";
import { Format } from "./format.js";
import { Freshness } from "./freshness.js";
import { listen } from "./keys.js";
import { Conferences, Parked } from "./places.js";
import { Preferences } from "./preferences.js";
import { Queues } from "./queues.js";
import { Servers } from "./servers.js";
import { Store } from "./store.js";
import { Totals } from "./totals.js";
import { Tv } from "./tv.js";

const byId = (id) => document.getElementById(id);
const config = JSON.parse(byId("ami-config").textContent);
const { strings } = config;

/** What the parts of the page share. */
const page = {
  config,
  strings,
  store: new Store(),
  clock: new Clock(),
  format: new Format(config.language, config.time_zone),
  preferences: new Preferences(),
  announcer: new Announcer(byId("live-region")),
  stateOf: (state) => strings.states[state] ?? state ?? "",
  agentStateOf: (state) => strings.agent_states[state] ?? state ?? "",
  outcomeOf: (outcome) => strings.outcomes[outcome] ?? outcome ?? strings.states.ended,
  isFresh: (server) => freshness.isFresh(server),
  nowOf: (server, now = page.clock.now()) => freshness.nowOf(server, now),
  nowOfAll: (now) => freshness.nowOfAll(now),
  get many() {
    return page.store.servers.size > 1;
  },
  refresh,
};
page.clock.heard(config.now);

const freshness = new Freshness(page, {
  banner: byId("stale-banner"),
  text: byId("stale-text"),
  login: byId("stale-login"),
  pill: byId("connection"),
  how: byId("connection-how"),
});
const views = {
  queue: new Queues(page, byId("queues")),
  call: new Calls(page, byId("calls")),
  agent: new Agents(page, byId("agents")),
  server: new Servers(page, byId("servers")),
  parked: new Parked(page, byId("parked")),
  conference: new Conferences(page, byId("conferences")),
};
const totals = new Totals(page, byId("totals"));
const curve = new Curve(page, byId("curve"));
const alerts = new Alerts(page);

/* In a frame, ten times a second at most, as nobody reads faster: only what changed. */

const FRAME_MILLISECONDS = 100;
const AGAIN_MILLISECONDS = 250;
const dirty = new Map();
let waits = false;
let later = 0;
let flushed = -Infinity;

page.store.subscribe((server, kind, name) => {
  if (!dirty.has(kind)) dirty.set(kind, new Map());
  dirty.get(kind).set(`${server}\n${name}`, [server, name]);
  request();
});

function request() {
  if (waits) return;
  waits = true;
  const wait = flushed + FRAME_MILLISECONDS - performance.now();
  if (wait > 0) setTimeout(() => requestAnimationFrame(flush), wait);
  else requestAnimationFrame(flush);
}

function flush() {
  waits = false;
  const time = (flushed = performance.now());
  if (dirty.get("caller")?.size) views.call.takeCallers(dirty.get("caller"));
  for (const [kind, view] of Object.entries(views)) {
    const changes = dirty.get(kind);
    if (changes?.size) view.update(changes);
  }
  let pending = false;
  for (const view of Object.values(views)) pending = view.arrange() || pending;
  if (tv.overflows(views.queue)) turn();
  if (dirty.get("totals")?.size || dirty.get("fresh")?.size) totals.update();
  for (const [kind, changes] of dirty) {
    if (!(kind in rare)) changes.clear();
    else if (changes.size > 0) pending = rare[kind](time, changes) || pending;
  }
  if (pending) later ||= setTimeout(() => ((later = 0), request()), AGAIN_MILLISECONDS);
}

/** Work on objects that changed, so often at most; it returns true if it is to be done later. */
function atMostEvery(milliseconds, work) {
  let done = -Infinity;
  return (time, changes) => {
    if (time - done < milliseconds) return true;
    done = time;
    changes.clear();
    work();
    return false;
  };
}

/** The curve is of quarters of an hour, and the agents of queues are counted anew, all of them. */
const rare = {
  agent: atMostEvery(AGAIN_MILLISECONDS, () => views.queue.countAgents()),
  curve: atMostEvery(1000, drawCurve),
};

function drawCurve() {
  const { sorted } = views.queue;
  const matches = sorted.length ? new Set(sorted.map(({ id }) => id)) : null;
  curve.draw(page.clock.now(), (server, name) => !matches || matches.has(`${server}\n${name}`));
}

/** Shows everything anew: the data has become stale, or fresh. */
function refresh() {
  for (const [kind, view] of Object.entries(views)) {
    const all = new Map([...page.store.all(kind)].map(([server, name]) => [`${server}\n${name}`, [server, name]]));
    view.update(all);
  }
  totals.update();
  request();
}

/* Once per second, on the second: all timers together. */

function tick() {
  const now = page.clock.now();
  page.store.sweep(now);
  alerts.tick(now);
  page.announcer.tick(performance.now() / 1000);
  const { waiting } = totals;
  document.title = waiting ? `(${page.format.count(waiting)}) ${strings.title}` : strings.title;
  views.server.sample();
  if (!document.hidden) {
    // They measure, and then they write: the other way round each would lay out the page anew.
    for (const view of Object.values(views)) view.look();
    for (const view of Object.values(views)) view.tick(now);
    totals.tick(now);
    put(byId("clock"), page.format.time(now));
  }
  setTimeout(tick, 1005 - ((page.clock.now() * 1000) % 1000));
}

/* The person at the page. */

const root = document.documentElement;
const filterField = byId("filter");
filterField.addEventListener("input", () => filter(filterField.value));
filterField.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (!filterField.value) filterField.blur();
  filterField.value = "";
  filter("");
});

function filter(query) {
  for (const kind of ["queue", "call", "agent", "parked", "conference"]) views[kind].filter(query);
  drawCurve();
}

let section = "calls";
const lists = {
  queues: views.queue,
  calls: views.call,
  agents: views.agent,
  servers: views.server,
  parked: views.parked,
  conferences: views.conference,
};

function show(name) {
  section = name;
  root.dataset.section = name;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-current", tab.dataset.tab === name ? "true" : "false");
  }
  lists[name].look();
}

function sort(change) {
  const list = lists[section];
  change(list);
  page.preferences.set("sorts", { ...page.preferences.get("sorts"), [section]: [list.sort, list.reverse] });
  if (list === views.queue) byId("queue-sort").value = list.sort;
}

function step(by, event) {
  const list = lists[section];
  if (event.key.startsWith("Arrow") && !list.panel.contains(document.activeElement)) return false;
  list.step(by);
  return undefined;
}

const go = (name) => () => {
  show(name);
  lists[name].panel.querySelector("[data-scroll]").focus();
};

function theme() {
  const is = root.dataset.theme;
  setOption("theme", is === "dark" ? "light" : "dark");
}

function setOption(name, value) {
  page.preferences.set(name, value);
  if (name === "theme") dispatchEvent(new Event("ami-theme"));
  if (name === "sound" && value) alerts.try();
  showOptions();
}

const options = byId("options");
function showOptions() {
  for (const field of options.querySelectorAll("[name]")) {
    const value = page.preferences.get(field.name);
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }
  byId("sound-button").setAttribute("aria-pressed", page.preferences.get("sound"));
}
options.addEventListener("change", ({ target }) => {
  setOption(target.name, target.type === "checkbox" ? target.checked : target.value);
});

const PAGE_SECONDS = 10;
const tv = new Tv(turn);

function turn() {
  const [number, pages] = tv.turn(views.queue);
  put(byId("pages"), pages > 1 ? `${number} / ${pages}` : "");
}
setInterval(() => tv.on && turn(), PAGE_SECONDS * 1000);
const commands = {
  filter: () => filterField.focus(),
  queues: go("queues"),
  calls: go("calls"),
  agents: go("agents"),
  servers: go("servers"),
  sort: () => sort((list) => list.nextSort()),
  reverse: () => sort((list) => list.sortBy(list.sort)),
  down: (event) => step(1, event),
  up: (event) => step(-1, event),
  tv: () => tv.toggle(),
  theme,
  sound: () => setOption("sound", !page.preferences.get("sound")),
  options: () => options.showModal(),
  help: () => byId("help").showModal(),
};
listen(commands, () => page.preferences.get("keys"));

addEventListener("click", ({ target }) => {
  const button = target.closest("[data-command], [data-tab], [data-sort-by], [data-close]");
  if (!button) return;
  const { command, tab, sortBy } = button.dataset;
  if (command) commands[command]();
  else if (tab) show(tab);
  else if (sortBy) {
    section = button.closest(".panel").dataset.name;
    sort((list) => list.sortBy(sortBy));
  } else button.closest("dialog").close();
});
addEventListener("focusin", ({ target }) => {
  section = target.closest(".panel[data-name]")?.dataset.name ?? section;
});
byId("queue-sort").addEventListener("change", ({ target }) => {
  section = "queues";
  sort((list) => list.sortBy(target.value, false));
});

/* Begin. */

for (const [name, [by, reverse]] of Object.entries(page.preferences.get("sorts"))) {
  if (by in (lists[name]?.sorts ?? {})) lists[name].sortBy(by, reverse);
}
byId("queue-sort").value = views.queue.sort;
showOptions();
show("queues");
section = "calls";
for (const view of Object.values(views)) view.arrange(true);
addEventListener("resize", () => tv.on && turn());


new Connection(config, {
  message(kind, message) {
    page.clock.heard(message.now);
    page.store.apply(kind, message);
    freshness.heard(message.now);
  },
  status: (status) => freshness.status(status),
  wholes: () => page.store.wholes(page.clock.now()),
  // What the page shows and offers is made for the rights that the visitor had.
  changed: () => location.reload(),
}).open();
setInterval(() => freshness.check(), 500);
tick();
complete();

/** Loads the actions; the page says that it is not whole until they and all its styles are there. */
async function complete() {
  if (config.may.length > 0) {
    const { mountActions } = await import("./actions.js");
    mountActions(page.store, config);
  }
  const styles = document.querySelectorAll('link[rel="stylesheet"][href*="ami_wallboard/"]');
  if ([...styles].every(hasCome)) byId("not-whole").remove();
}

function hasCome({ href, sheet }) {
  // Into one of another origin nobody may look.
  if (new URL(href).origin !== location.origin) return true;
  try {
    return sheet.cssRules.length > 0;
  } catch {
    return false;
  }
}
