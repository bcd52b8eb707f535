/** Waits between attempts: longer each time, and not the same in all browsers. */

const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 15;

export class Backoff {
  #seconds = FIRST_SECONDS;

  /** The seconds to wait now. */
  next(random = Math.random) {
    const seconds = this.#seconds * (0.75 + random() / 2);
    this.#seconds = Math.min(this.#seconds * 2, LONGEST_SECONDS);
    return seconds;
  }

  /** It worked: the next wait is a short one. */
  reset() {
    this.#seconds = FIRST_SECONDS;
  }
}
