/**
 * The buttons of `{% click_to_call number %}`: they call without leaving the page, and show what
 * becomes of the call. Without this script they are forms that lead to a page of the call.
 */

import "./call-status.js";
import { clickId, post } from "./commands.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form.ami-click-to-call");
  if (!form) return;
  event.preventDefault();
  if (!form.hasAttribute("data-busy")) place(form);
});

async function place(form) {
  const button = form.querySelector("button");
  const words = new FormData(form);
  form.setAttribute("data-busy", "");
  button.setAttribute("aria-disabled", "true");
  try {
    const told = await post(form.action, words, words.get("csrfmiddlewaretoken"));
    follow(form, told, () => free(form, button));
  } catch (error) {
    say(form, error.message);
    // Perhaps it rings: then the same click gets the same call.
    free(form, button, error.status !== 0 && error.status !== 503);
  }
}

/** The next click is another one. */
function free(form, button, isNew = true) {
  form.removeAttribute("data-busy");
  button.removeAttribute("aria-disabled");
  if (isNew) form.elements.click.value = clickId();
}

function follow(form, told, ended) {
  const status = document.createElement("ami-call-status");
  status.setAttribute("hangup", "");
  status.setAttribute("url", told.url);
  status.setAttribute("call", told.call);
  status.addEventListener("ami-call", ({ detail }) => detail.ended && ended());
  placeOf(form).replaceChildren(status);
}

function say(form, text) {
  const line = document.createElement("span");
  line.className = "ami-call-error";
  line.textContent = text;
  placeOf(form).replaceChildren(line);
}

/** Where the outcome is told; it is there from the start, so that it is read out. */
const placeOf = (form) => form.querySelector(".ami-call-outcome");
