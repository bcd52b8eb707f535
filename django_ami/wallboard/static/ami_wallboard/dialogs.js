/** A dialog that asks for some words, sends them, and tells what became of it. */

import { strings } from "./commands.js";

/** How long a line about something that was done stays. */
const NOTE_MILLISECONDS = 6000;

/** An element with attributes and children; texts are texts, never HTML. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

let made = 0;

/** A field with its label. `options`, pairs of value and text, make it a choice. */
export function field(name, label, { options, ...attributes } = {}) {
  const id = `ami-field-${(made += 1)}`;
  const input = options
    ? make("select", { id, name, ...attributes }, ...options.map(([value, text]) => make("option", { value }, text)))
    : make("input", { id, name, autocomplete: "off", ...attributes });
  return make("p", { class: "ami-field" }, make("label", { for: id }, label), input);
}

/**
 * Opens a dialog. `act(words)` carries out what is asked for: with a node as its result the dialog
 * stays open and shows it; with a text it closes, and the text is told. An error is shown in it.
 */
export function ask({ title, text, fields = [], submit, danger = false, act, testid }) {
  const id = `ami-dialog-${(made += 1)}`;
  const error = make("p", { class: "ami-dialog-error", role: "alert" });
  const go = make("button", { type: "submit", class: danger ? "ami-danger" : "ami-primary" }, submit);
  const close = make("button", { type: "button", class: "ami-close" }, strings.cancel);
  const body = make("div", { class: "ami-dialog-body" }, ...(text ? [make("p", {}, text)] : []), ...fields);
  const form = make("form", {}, make("h2", { id }, title), body, error, make("p", { class: "ami-buttons" }, close, go));
  const dialog = make("dialog", { class: "ami-dialog", "aria-labelledby": id, "data-testid": testid }, form);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    go.disabled = true;
    error.textContent = "";
    try {
      const result = await act(new FormData(form));
      if (typeof result === "string") {
        dialog.close();
        note(result);
      } else {
        body.replaceChildren(result);
        go.remove();
        close.textContent = strings.close;
        close.focus();
      }
    } catch (refusal) {
      error.textContent = refusal.message;
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

let notes = null;

/** A line about something that was done, for eyes and for screen readers. */
export function note(text) {
  if (!notes) document.body.append((notes = make("div", { class: "ami-notes", role: "status", "data-testid": "action-note" })));
  const line = make("p", {}, text);
  notes.append(line);
  setTimeout(() => line.remove(), NOTE_MILLISECONDS);
}
