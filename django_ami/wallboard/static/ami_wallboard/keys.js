/** The keys of the page. A person may switch them off (WCAG 2.1.4). */

/** Keys → names of commands, for the page and for its help. */
export const KEYS = {
  "/": "filter",
  1: "queues",
  2: "calls",
  3: "agents",
  4: "servers",
  s: "sort",
  r: "reverse",
  ArrowDown: "down",
  ArrowUp: "up",
  j: "down",
  k: "up",
  f: "tv",
  t: "theme",
  m: "sound",
  o: "options",
  "?": "help",
};

const WRITES = "input, textarea, select, [contenteditable]";

/** Calls `commands[name](event)` for each key that is pressed outside of fields. */
export function listen(commands, enabled) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.(WRITES) || document.querySelector("dialog[open]") || !enabled()) return;
    const command = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (command && commands[command](event) !== false) event.preventDefault();
  });
}
