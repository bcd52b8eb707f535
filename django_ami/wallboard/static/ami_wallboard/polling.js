/** The state, asked again and again: for servers that cannot stream. It gives the same messages. */

import { Backoff } from "./backoff.js";

const ANSWER_SECONDS = 10;

/** Whether an answer sends the visitor to a login, of this site or of a proxy before it. */
export const isRefusal = ({ status, type }) =>
  status === 401 || status === 403 || type === "opaqueredirect";

/** The messages of the stream that say what an answer says. */
export function messages({ now, servers }) {
  const made = Object.entries(servers).map(([server, { whole, fresh, heard, objects }]) =>
    whole
      ? [["whole", { server, now, fresh, heard, objects }]]
      : [
          ["change", { server, now, objects }],
          ["fresh", { server, now, fresh, heard }],
        ],
  );
  return [...made.flat(), ["beat", { now }]];
}

export class Polling {
  #url;
  #deliver;
  #status;
  #backoff = new Backoff();
  #id = "";
  #timer = null;
  #stop = null;

  constructor(url, deliver, status) {
    this.#url = url;
    this.#deliver = deliver;
    this.#status = status;
  }

  open() {
    this.#stop = new AbortController();
    this.#ask(this.#stop.signal);
  }

  close() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }

  async #ask(closed) {
    const url = new URL(this.#url, location.href);
    if (this.#id) url.searchParams.set("since", this.#id);
    let seconds;
    try {
      const answer = await fetch(url, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.any([closed, AbortSignal.timeout(ANSWER_SECONDS * 1000)]),
      });
      seconds = answer.ok ? await this.#take(answer) : await this.#refused(answer);
    } catch {
      if (closed.aborted) return;
      seconds = this.#backoff.next();
      this.#status({ name: "waiting", seconds });
    }
    if (!closed.aborted) this.#timer = setTimeout(() => this.#ask(closed), seconds * 1000);
  }

  async #take(answer) {
    const state = await answer.json();
    this.#id = state.id;
    this.#backoff.reset();
    this.#status({ name: "polling", seconds: state.retry_seconds });
    for (const [kind, message] of messages(state)) this.#deliver(kind, message, state.id);
    return state.retry_seconds;
  }

  async #refused(answer) {
    const seconds = Number(answer.headers.get("Retry-After")) || this.#backoff.next();
    const { error } = await answer.json().catch(() => ({}));
    this.#status(isRefusal(answer) ? { name: "refused" } : { name: "waiting", seconds, text: error });
    return seconds;
  }
}
