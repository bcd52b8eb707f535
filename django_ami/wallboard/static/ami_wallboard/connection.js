/** What the server says, once for all tabs of the browser: see sharing.js and stream.js. */

import { Sharing } from "./sharing.js";
import { Stream } from "./stream.js";

/** The mark of the rights with which the picture was read: the nameless part of the id. */
const rights = (id) => new URLSearchParams(id).get("");

export class Connection {
  #config;
  #callbacks;
  #stream;
  #sharing = null;
  #status = { name: "connecting" };
  #id = "";

  /**
   * Calls `message(kind, message)` and `status(state)`, whose `shared` is true in a tab that hears
   * another one. `wholes()` are the messages that make the picture of now. `changed()` is called
   * when the visitor's rights are others than before.
   */
  constructor(config, callbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
    this.#stream = new Stream(
      config.urls,
      (kind, message, id) => this.#deliver(kind, message, id),
      (status) => this.#change(status),
    );
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.open());
  }

  open() {
    if (!("BroadcastChannel" in window)) {
      this.#stream.open(this.#id);
      return;
    }
    const channel = new BroadcastChannel(`ami-wallboard ${this.#config.share}`);
    this.#sharing = new Sharing(channel, {
      lead: () => this.#stream.open(this.#id),
      follow: () => this.#stream.close(),
      hear: (said) => this.#hear(said),
      snapshot: () => [
        { status: this.#status },
        ...this.#callbacks.wholes().map((message) => ({ kind: "whole", message, id: this.#id })),
      ],
    });
    this.#sharing.start();
  }

  close() {
    this.#stream.close();
    this.#sharing?.stop();
  }

  #deliver(kind, message, id) {
    this.#read(id);
    this.#sharing?.say({ kind, message, id });
    this.#callbacks.message(kind, message);
  }

  #change(status) {
    this.#status = status;
    this.#sharing?.say({ status });
    this.#callbacks.status({ ...status, shared: false });
  }

  #hear({ status, kind, message, id }) {
    if (status) {
      this.#status = status;
      this.#callbacks.status({ ...status, shared: true });
    } else {
      this.#read(id);
      this.#callbacks.message(kind, message);
    }
  }

  #read(id) {
    if (this.#id && id && rights(id) !== rights(this.#id)) this.#callbacks.changed();
    this.#id = id;
  }
}
