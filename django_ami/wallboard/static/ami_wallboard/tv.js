/** Full screen for a TV: great figures, and the screen stays on. */

/** The smallest tile, as in the style sheet, in rem. */
const TILE = [24, 12.25];
const GAP = 1;

/** How many tiles a box holds; all sizes in the same unit. */
export function capacity(width, height, rem) {
  const fit = (space, tile) => Math.max(1, Math.floor((space + GAP * rem) / ((tile + GAP) * rem)));
  return fit(width, TILE[0]) * fit(height, TILE[1]);
}

export class Tv {
  #root = document.documentElement;
  #lock = null;
  /** How many tiles the box held when that was last looked at. */
  #size = 0;

  constructor(changed) {
    this.changed = changed;
    addEventListener("hashchange", () => changed());
    document.addEventListener("fullscreenchange", () => document.fullscreenElement || this.#leave());
    document.addEventListener("visibilitychange", () => this.on && !document.hidden && this.#awake());
    if (this.on) this.#awake();
  }

  get on() {
    return this.#root.classList.contains("tv");
  }

  async toggle() {
    if (this.on) {
      if (document.fullscreenElement) await document.exitFullscreen();
      this.#leave();
      return;
    }
    this.#root.classList.add("tv");
    history.replaceState(null, "", "#tv");
    this.changed();
    this.#awake();
    // A browser may refuse full screen: the great figures are there all the same.
    await this.#root.requestFullscreen?.().catch(() => {});
  }

  /**
   * Nobody scrolls a TV: if it cannot hold all tiles, the curve gives way, and the tiles come page
   * by page. Returns the page and the number of pages.
   */
  turn(queues) {
    this.#size = this.#measured(queues);
    return queues.turn(this.#size);
  }

  /** Whether there are more tiles than the TV can hold, since queues have come. */
  overflows(queues) {
    return this.on && queues.shown.length > this.#size;
  }

  #measured(queues) {
    const box = queues.body.parentElement;
    const rem = parseFloat(getComputedStyle(this.#root).fontSize);
    const size = () => capacity(box.clientWidth, box.clientHeight, rem);
    delete this.#root.dataset.pages;
    if (!this.on) return Infinity;
    if (queues.sorted.length > size()) this.#root.dataset.pages = "";
    return size();
  }

  #leave() {
    if (!this.on) return;
    this.#root.classList.remove("tv");
    history.replaceState(null, "", location.pathname + location.search);
    this.#lock?.release();
    this.#lock = null;
    this.changed();
  }

  async #awake() {
    try {
      this.#lock = await navigator.wakeLock.request("screen");
    } catch {
      // Plain HTTP, or a low battery: the TV's own settings decide.
    }
  }
}
