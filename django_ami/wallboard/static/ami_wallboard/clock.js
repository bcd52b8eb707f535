/** The server's clock in the browser: a wrong clock of the browser does not matter. */

const SAMPLES = 30;

const monotonicSeconds = () => performance.now() / 1000;

export class Clock {
  #offsets = [];
  #monotonic;

  /** `monotonic` returns seconds that nobody sets. */
  constructor(monotonic = monotonicSeconds) {
    this.#monotonic = monotonic;
  }

  /**
   * Takes the server's time out of a message.
   *
   * A message on its way makes the server seem slow, so the greatest of the last offsets is the
   * truest one.
   */
  heard(now) {
    this.#offsets.push(now - this.#monotonic());
    if (this.#offsets.length > SAMPLES) this.#offsets.shift();
  }

  /** Unix time of the server, in seconds. */
  now() {
    if (this.#offsets.length === 0) return Date.now() / 1000;
    return this.#monotonic() + Math.max(...this.#offsets);
  }
}

/** How many seconds a timer shows: whole ones of the clock, so that all timers change at once. */
export const elapsed = (since, now) => Math.max(0, Math.floor(now) - Math.floor(since));
