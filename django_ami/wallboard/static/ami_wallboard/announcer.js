/**
 * Says to a screen reader what must be known, and no more: breaches and staleness.
 *
 * What comes sooner than ten seconds after the last words waits, and is said together.
 */

const PAUSE_SECONDS = 10;

export class Announcer {
  #region;
  #waiting = new Map();
  #said = -Infinity;

  constructor(region) {
    this.#region = region;
  }

  /** Says a text about a thing; a later one about it replaces one that still waits. */
  announce(thing, text) {
    this.#waiting.set(thing, text);
  }

  /** What is no longer true need not be said. */
  withdraw(thing) {
    this.#waiting.delete(thing);
  }

  /** Call it each second, with a clock that nobody sets. */
  tick(seconds) {
    if (this.#waiting.size === 0 || seconds - this.#said < PAUSE_SECONDS) return;
    this.#region.textContent = [...this.#waiting.values()].join(" ");
    this.#waiting.clear();
    this.#said = seconds;
  }
}
