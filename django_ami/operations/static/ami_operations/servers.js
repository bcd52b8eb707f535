// Keeps the page of servers fresh: it puts the words that the site says into their places.

const page = document.getElementById("ami-servers");
const stale = document.getElementById("ami-stale");
const summary = document.getElementById("ami-summary");
const blank = document.getElementById("ami-listener").content.firstElementChild;
let lastAt = new Date();

/** Put a text into an element, unless it is there: a reader may be in the midst of it. */
function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function putAll(parent, cells) {
  for (const [name, text] of Object.entries(cells)) {
    put(parent.querySelector(`[data-cell="${name}"]`), text);
  }
}

function showListener(body, known, listener) {
  const row = known.get(listener.key) ?? blank.cloneNode(true);
  row.dataset.listener = listener.key;
  row.dataset.health = listener.health;
  putAll(row, listener.cells);
  if (!row.isConnected) body.insertBefore(row, body.querySelector("[data-none]"));
}

function showServer(section, server) {
  const { listeners, cells } = server;
  const body = section.querySelector("tbody");
  section.dataset.health = server.health;
  // The cells of the server have the names of some cells of its listeners.
  putAll(section.querySelector("h2"), { state: cells.state });
  putAll(section.querySelector("dl"), cells);
  section.querySelector('[data-of="handover"]').hidden = !cells.handover;
  const button = section.querySelector("[data-hand-over]");
  if (button) button.hidden = server.token === null;
  const known = new Map([...body.querySelectorAll("[data-listener]")].map((row) => [row.dataset.listener, row]));
  const here = new Set(listeners.map((listener) => listener.key));
  for (const [key, row] of known) if (!here.has(key)) row.remove();
  for (const listener of listeners) showListener(body, known, listener);
  body.querySelector("[data-none]").hidden = listeners.length > 0;
}

function show({ servers, summary: words }) {
  const sections = new Map([...page.querySelectorAll("[data-server]")].map((one) => [one.dataset.server, one]));
  if (servers.length !== sections.size || servers.some((server) => !sections.has(server.name))) {
    location.reload();
    return;
  }
  for (const server of servers) showServer(sections.get(server.name), server);
  put(summary, words);
}

/** Say why the page is old; empty: it is not. */
function warn(why) {
  stale.hidden = !why;
  put(stale, why);
}

async function refresh() {
  try {
    const answer = await fetch(page.dataset.status, { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect" || answer.status === 403) return warn(page.dataset.login);
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    show(await answer.json());
    lastAt = new Date();
    warn("");
  } catch (error) {
    warn(`${page.dataset.stale} ${lastAt.toLocaleTimeString(document.documentElement.lang)} (${error.message})`);
  }
}

async function run() {
  if (!document.hidden) await refresh();
  setTimeout(run, Number(page.dataset.milliseconds));
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
run();
