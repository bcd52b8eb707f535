/**
 * `<ami-call-status call="ID">`: how far a call is, told as it changes, to its end.
 *
 * `server` names its server where there are several; `hangup` adds a button; `listens` says that it
 * is a call to listen in on another. Each change is an event `ami-call`, whose detail is the answer
 * of the server.
 */

import { addressOf, filled, get, post, strings } from "./commands.js";

/** How long it waits after an error, at first and at most. */
const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 15000;
/** Two answers are this far apart at least. */
const LEAST_MILLISECONDS = 250;

const sleep = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

const minutes = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** The state or the outcome of a call, for people; `listens`: it is one to listen in on another. */
export function textOf(told, listens = false) {
  if (listens && told.state === "picked up") return strings.listening;
  if (!told.ended) return strings.states[told.state] ?? told.state;
  const outcome = strings.outcomes[told.outcome] ?? told.outcome;
  return told.talk_seconds >= 1 ? filled(strings.talked, { outcome, time: minutes(told.talk_seconds) }) : outcome;
}

class CallStatus extends HTMLElement {
  static observedAttributes = ["call", "server", "url"];
  #over = null;
  #told = null;
  #text = null;
  #button = null;

  /** The last answer of the server; null before the first. */
  get told() {
    return this.#told;
  }

  connectedCallback() {
    if (!this.hasAttribute("role")) this.setAttribute("role", "status");
    this.#follow();
  }

  disconnectedCallback() {
    this.#over?.abort();
    this.#over = null;
  }

  attributeChangedCallback(name, before, after) {
    if (this.isConnected && before !== after) this.#follow();
  }

  get #url() {
    const server = this.getAttribute("server");
    return this.getAttribute("url") ?? addressOf("call", this.getAttribute("call"), server);
  }

  async #follow() {
    this.#over?.abort();
    if (!this.getAttribute("call")) return;
    const over = (this.#over = new AbortController());
    let pause = FIRST_PAUSE_MILLISECONDS;
    this.#told = null;
    while (!over.signal.aborted) {
      const begun = performance.now();
      try {
        const told = await get(this.#waiting(), over.signal);
        if (over.signal.aborted) return;
        pause = FIRST_PAUSE_MILLISECONDS;
        this.#show(told);
        if (told.ended) return;
        await sleep(Math.max(0, LEAST_MILLISECONDS - (performance.now() - begun)), over.signal);
      } catch (error) {
        if (over.signal.aborted) return;
        if ([400, 403, 404].includes(error.status)) return this.#fail(error);
        await sleep(Math.max(pause, 1000 * (error.retrySeconds ?? 0)), over.signal);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS);
      }
    }
  }

  #waiting() {
    const url = new URL(this.#url, document.baseURI);
    if (this.#told) url.searchParams.set("known", this.#told.state);
    return url;
  }

  #show(told) {
    const changed = this.#told?.state !== told.state || this.#told.ended !== told.ended;
    this.#told = told;
    if (!changed) return;
    this.dataset.state = told.ended ? "ended" : told.state;
    if (told.outcome) this.dataset.outcome = told.outcome;
    this.#say(textOf(told, this.hasAttribute("listens")), told.ended ? told.description : "");
    this.#offerHangup(told);
    this.dispatchEvent(new CustomEvent("ami-call", { bubbles: true, detail: told }));
  }

  #fail(error) {
    this.dataset.state = "error";
    this.#say(error.message);
    this.#button?.remove();
    this.dispatchEvent(new CustomEvent("ami-call", { bubbles: true, detail: { ended: true, error: error.message } }));
  }

  #say(text, title = "") {
    if (!this.#text) {
      this.#text = document.createElement("span");
      this.#text.className = "ami-call-text";
      this.replaceChildren(this.#text);
    }
    this.#text.textContent = text;
    this.#text.title = title;
  }

  #offerHangup(told) {
    if (told.ended || !this.hasAttribute("hangup")) {
      this.#button?.remove();
      this.#button = null;
    } else if (!this.#button) {
      this.#button = document.createElement("button");
      this.#button.type = "button";
      this.#button.className = "ami-hangup";
      this.#button.textContent = strings.hang_up;
      this.#button.addEventListener("click", () => this.#hangUp());
      this.append(" ", this.#button);
    }
  }

  async #hangUp() {
    this.#button.disabled = true;
    try {
      await post(addressOf("hangup", this.#told.call, this.#told.server), {});
    } catch (error) {
      this.#say(error.message);
      if (this.#button) this.#button.disabled = false;
    }
  }
}

customElements.define("ami-call-status", CallStatus);
