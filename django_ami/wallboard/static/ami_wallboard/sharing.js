/**
 * One of the tabs of a browser leads; the others hear what it hears.
 *
 * A browser opens six connections to a server (HTTP/1.1), and a stream keeps one. The tabs elect by
 * a BroadcastChannel, which plain HTTP has, too; Web Locks need HTTPS. Each tab that speaks says
 * its name, and whether it is hidden; of two that lead, one that is seen goes on, or else the one
 * with the smaller name. Browsers let the timers of a hidden tab wait for a minute, and one that
 * asks again and again tells the others nothing meanwhile.
 */

const SILENCE_MILLISECONDS = 3500;
const ALIVE_MILLISECONDS = 1000;
const ANSWER_MILLISECONDS = 200;

const name = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(36)).join("");

export class Sharing {
  #channel;
  #name = name();
  #leader = null;
  #timer = null;
  #callbacks;
  /** Another tab has asked: this one does not speak into the void. */
  #heardOf = false;
  /** A snapshot is on its way. */
  #asked = false;
  /** The snapshot has come: what follows may be heard. */
  #knows = false;

  /**
   * `lead()` is called when this tab is to open the stream, `follow()` when it is not to, `hear(said)`
   * with what the leader says, and `snapshot()` for what a new tab is told first.
   */
  constructor(channel, callbacks) {
    this.#callbacks = callbacks;
    this.#channel = channel;
    channel.onmessage = ({ data }) => this.#receive(data);
  }

  get leads() {
    return this.#leader === this.#name;
  }

  start() {
    this.#elect();
    this.#ask();
  }

  /** Says something to the other tabs. */
  say(said) {
    if (this.leads && this.#heardOf) this.#post({ type: "said", said });
  }

  /** Leaves, so that another tab leads at once. */
  stop() {
    clearTimeout(this.#timer);
    if (this.leads) this.#post({ type: "bye" });
    this.#leader = null;
    this.#channel.close();
  }

  /** Asks the leader for its snapshot. */
  #ask() {
    this.#asked = true;
    this.#post({ type: "who" });
  }

  #post(message) {
    this.#channel.postMessage({ ...message, from: this.#name, hidden: document.hidden });
  }

  /** Leads, unless a leader answers. */
  #elect() {
    clearTimeout(this.#timer);
    this.#leader = null;
    this.#knows = false;
    this.#asked = false; // the one that was asked is gone
    const wait = ANSWER_MILLISECONDS * (1 + Math.random());
    this.#timer = setTimeout(() => this.#lead(), wait);
  }

  #lead() {
    this.#leader = this.#name;
    this.#post({ type: "lead" });
    this.#alive();
    this.#callbacks.lead();
  }

  #alive() {
    this.#post({ type: "alive" });
    this.#timer = setTimeout(() => this.#alive(), ALIVE_MILLISECONDS);
  }

  #receive(message) {
    this.#heardOf = true;
    if (message.type === "who") {
      if (this.leads) this.#post({ type: "snapshot", to: message.from, said: this.#callbacks.snapshot() });
    } else if (message.type === "bye") {
      if (message.from === this.#leader) this.#elect();
    } else if (this.leads) {
      this.#contest(message);
    } else {
      this.#follow(message);
    }
  }

  /** Another tab leads as well: one of the two gives way. */
  #contest(message) {
    if (message.type === "snapshot" && message.to !== this.#name) return;
    if (this.#isBefore(message)) {
      this.#post({ type: "lead" });
      return;
    }
    this.#leader = null;
    this.#follow(message);
  }

  #isBefore({ from, hidden }) {
    return hidden === document.hidden ? this.#name < from : hidden;
  }

  #follow(message) {
    if (this.#leader !== message.from) {
      if (this.#leader !== null && message.type !== "lead") return;
      this.#leader = message.from;
      this.#knows = false;
      this.#callbacks.follow();
      if (message.type === "lead" || !this.#asked) this.#ask();
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#elect(), SILENCE_MILLISECONDS);
    if (message.type === "snapshot" && message.to === this.#name) {
      this.#knows = true;
      this.#asked = false;
      for (const said of message.said) this.#callbacks.hear(said);
    } else if (message.type === "said" && this.#knows) {
      this.#callbacks.hear(message.said);
    }
  }
}
