/** Today by quarters of an hour: offered, answered and abandoned, of the queues that are shown. */

import { put, set } from "./dom.js";
import { fill } from "./format.js";

const SERIES = ["offered", "answered", "abandoned"];
const HOURS_AT_LEAST = 6;
const HEIGHT = 100;

/** The sum of several curves of the same day, or undefined. */
export function sum(curves) {
  let made;
  for (const curve of curves) {
    if (!made || curve.begin > made.begin) made = { begin: curve.begin, seconds: curve.seconds };
    if (curve.begin < made.begin) continue;
    for (const name of SERIES) {
      made[name] ??= [];
      (curve[name] ?? []).forEach((count, index) => {
        made[name][index] = (made[name][index] ?? 0) + count;
      });
    }
  }
  return made;
}

/** The first and the last bucket that are drawn: whole hours, around what happened up to now. */
export function span(curve, now) {
  const hour = 3600 / curve.seconds;
  const busy = SERIES.flatMap((name) => curve[name].map((count, index) => (count ? index : Infinity)));
  const last = Math.max(0, Math.floor((now - curve.begin) / curve.seconds));
  const end = Math.ceil((last + 1) / hour) * hour;
  const first = Math.floor(Math.min(last, ...busy) / hour) * hour;
  const begin = Math.max(0, Math.min(first, end - HOURS_AT_LEAST * hour));
  return [begin, Math.max(end, begin + HOURS_AT_LEAST * hour)];
}

export class Curve {
  #page;
  #f;
  #svg;
  #curve;
  #span = [0, 1];
  #at = null;

  constructor(page, panel) {
    this.#page = page;
    this.#svg = panel.querySelector("svg");
    this.#f = Object.fromEntries([...panel.querySelectorAll("[data-f]")].map((node) => [node.dataset.f, node]));
    this.#svg.addEventListener("pointermove", (event) => this.#point(event));
    this.#svg.addEventListener("pointerleave", () => this.#legend((this.#at = null)));
  }

  /** Draws the curves of queues for which `shown(server, queue)` is true. */
  draw(now, shown) {
    const curves = [...this.#page.store.all("curve")].filter(([server, name]) => shown(server, name));
    const curve = (this.#curve = sum(curves.map(([, , object]) => object)));
    if (!curve?.offered) return;
    const [begin, end] = (this.#span = span(curve, now));
    const most = Math.max(4, ...curve.offered, ...curve.answered.map((count, i) => count + (curve.abandoned[i] ?? 0)));
    const y = (count) => (count / most) * (HEIGHT - 4);
    const bars = (name, below) => this.#bars(curve[name], below, y, begin, end);
    set(this.#svg, "viewBox", `0 0 ${end - begin} ${HEIGHT}`);
    set(this.#f.answeredBars, "d", bars("answered", []));
    set(this.#f.abandonedBars, "d", bars("abandoned", curve.answered));
    set(this.#f.offeredLine, "d", this.#steps(curve.offered, y, begin, this.#last(now)));
    put(this.#f.most, this.#page.format.count(most));
    this.#hours(begin, end);
    this.#legend(this.#at);
  }

  #last(now) {
    return Math.floor((now - this.#curve.begin) / this.#curve.seconds) + 1;
  }

  #bars(counts, below, y, begin, end) {
    let path = "";
    for (let index = begin; index < end; index += 1) {
      const count = counts[index];
      if (!count) continue;
      const top = HEIGHT - y((below[index] ?? 0) + count);
      path += `M${index - begin + 0.14} ${top.toFixed(1)}h.72v${y(count).toFixed(1)}h-.72z`;
    }
    return path;
  }

  #steps(counts, y, begin, end) {
    let path = "";
    for (let index = begin; index < end; index += 1) {
      const top = (HEIGHT - y(counts[index] ?? 0)).toFixed(1);
      path += path ? `V${top}H${index - begin + 1}` : `M0 ${top}H1`;
    }
    return path;
  }

  #hours(begin, end) {
    const hour = 3600 / this.#curve.seconds;
    const every = Math.ceil((end - begin) / hour / 6) * hour;
    const marks = [];
    for (let index = begin; index < end; index += every) {
      const text = this.#page.format.time(this.#curve.begin + index * this.#curve.seconds).slice(0, 5);
      marks.push([text, (index - begin) / (end - begin)]);
    }
    const known = marks.map(([text]) => text).join();
    if (this.#f.hours.dataset.known === known) return;
    this.#f.hours.dataset.known = known;
    this.#f.hours.replaceChildren(
      ...marks.map(([text, part]) => {
        const mark = document.createElement("span");
        mark.textContent = text;
        mark.style.setProperty("--at", part);
        return mark;
      }),
    );
  }

  #point({ clientX }) {
    const box = this.#svg.getBoundingClientRect();
    const part = (clientX - box.left) / box.width;
    const along = getComputedStyle(this.#svg).direction === "rtl" ? 1 - part : part;
    this.#at = Math.floor(this.#span[0] + along * (this.#span[1] - this.#span[0]));
    this.#legend(this.#at);
  }

  /** The numbers of a bucket; of the day, if none is pointed at. */
  #legend(at) {
    if (!this.#curve?.offered) return;
    const { format, strings } = this.#page;
    const values = {};
    for (const name of SERIES) {
      const counts = this.#curve[name];
      const count = at === null ? counts.reduce((all, one) => all + one, 0) : (counts[at] ?? 0);
      put(this.#f[name], (values[name] = format.count(count)));
    }
    const when = (index) => format.time(this.#curve.begin + index * this.#curve.seconds).slice(0, 5);
    put(this.#f.when, at === null ? strings.today : `${when(at)}–${when(at + 1)}`);
    if (at === null) set(this.#svg, "aria-label", fill(strings.curve, values));
  }
}
