/**
 * The stream of the server, by EventSource; and by polling where the server cannot stream, or where
 * a proxy on the way collects what it says.
 */

import { Backoff } from "./backoff.js";
import { isRefusal, Polling } from "./polling.js";

const KINDS = ["whole", "change", "fresh", "beat"];
/** The server says something every two seconds: after so long the connection is dead. */
const SILENCE_SECONDS = 8;
/** A login in another tab heals this one. */
const REFUSED_SECONDS = 15;

export class Stream {
  #urls;
  #deliver;
  #status;
  #backoff = new Backoff();
  #source = null;
  #polling = null;
  #timer = null;
  #id;
  #closed = true;
  /** This connection has brought something. */
  #heard = false;

  /**
   * Calls `deliver(kind, message, id)` for each message, and `status(state)` when the connection
   * changes: `{name, …}`, the name being connecting, open, polling, waiting (with `seconds` and
   * perhaps `text`) or refused.
   */
  constructor(urls, deliver, status) {
    this.#urls = urls;
    this.#deliver = deliver;
    this.#status = status;
  }

  /** Begins behind the message with this id. */
  open(id = "") {
    this.#id = id;
    this.#closed = false;
    this.#connect();
  }

  close() {
    this.#closed = true;
    this.#disconnect();
    this.#stopPolling();
  }

  #connect() {
    if (this.#closed) return;
    this.#disconnect();
    this.#heard = false;
    this.#tell({ name: "connecting" });
    const url = new URL(this.#urls.stream, location.href);
    if (this.#id) url.searchParams.set("since", this.#id);
    const source = (this.#source = new EventSource(url));
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#hear(kind, event));
    source.addEventListener("end", () => this.#tell({ name: "connecting" }));
    source.onopen = () => this.#tell({ name: "open" });
    source.onerror = () => {
      if (source !== this.#source) return;
      if (source.readyState === EventSource.CLOSED) this.#ask();
      else this.#tell({ name: "connecting" });
    };
    this.#watch();
  }

  /** While the page asks as well, that says how things are. */
  #tell(status) {
    if (!this.#polling) this.#status(status);
  }

  #hear(kind, event) {
    this.#heard = true;
    if (this.#polling) {
      this.#stopPolling();
      this.#status({ name: "open" });
    }
    if (event.lastEventId) this.#id = event.lastEventId;
    this.#backoff.reset();
    this.#watch();
    this.#deliver(kind, JSON.parse(event.data), this.#id);
  }

  /** A connection that says nothing is made anew. */
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), SILENCE_SECONDS * 1000);
  }

  /** An EventSource does not tell why it was refused: a plain request does. */
  async #ask() {
    this.#disconnect();
    if (this.#closed) return;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), SILENCE_SECONDS * 1000);
    try {
      const answer = await fetch(this.#urls.stream, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        redirect: "manual",
        signal: stop.signal,
      });
      await this.#judge(answer);
    } catch {
      this.#wait(this.#backoff.next());
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
    // Until a stream brings something, the page asks: something on the way may hold it back.
    if (!this.#heard) this.#poll(this.#urls.state);
  }

  async #judge(answer) {
    if (this.#closed) return;
    if (answer.ok) {
      this.#wait(this.#backoff.next() / 4);
    } else if (isRefusal(answer)) {
      this.#status({ name: "refused" });
      this.#again(REFUSED_SECONDS);
    } else if (answer.status === 501) {
      this.#poll((await answer.json()).state ?? this.#urls.state);
    } else if (answer.status === 503) {
      // Too many streams: until one is free, the page asks.
      this.#poll(this.#urls.state);
      this.#again(Number(answer.headers.get("Retry-After")) || this.#backoff.next());
    } else {
      this.#wait(this.#backoff.next());
    }
  }

  #poll(url) {
    if (this.#closed || this.#polling) return;
    this.#polling = new Polling(url, this.#deliver, this.#status);
    this.#polling.open();
  }

  #wait(seconds) {
    if (this.#closed) return;
    this.#tell({ name: "waiting", seconds });
    this.#again(seconds);
  }

  #again(seconds) {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #disconnect() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #stopPolling() {
    this.#polling?.close();
    this.#polling = null;
  }
}
