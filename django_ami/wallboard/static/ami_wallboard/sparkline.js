/** A small curve of the last minutes, without axes. */

const SAMPLES = 120;

/** Points of an SVG polyline, 100 wide and 24 high; `values` may be fewer than `samples`. */
export function points(values, samples = SAMPLES, width = 100, height = 24) {
  const most = Math.max(1, ...values);
  const first = samples - values.length;
  const at = (value, index) => {
    const x = ((first + index) / (samples - 1)) * width;
    return `${x.toFixed(1)},${(height - 1 - (value / most) * (height - 2)).toFixed(1)}`;
  };
  return values.map(at).join(" ");
}

/** The rate of a counter that grows: what it grew by in a second, one sample a second. */
export class Rate {
  values = [];
  #count;
  #at;
  #rate = 0;

  /** The counter at a moment, in seconds. A smaller one than before has begun anew. */
  count(count, at) {
    if (this.#at !== undefined && at > this.#at && count >= this.#count) {
      this.#rate = (count - this.#count) / (at - this.#at);
    }
    if (this.#at === undefined || at > this.#at) [this.#count, this.#at] = [count, at];
  }

  /** Takes a sample; returns the rate. `fresh` is false when nobody knows it. */
  sample(fresh) {
    this.values.push(fresh ? this.#rate : 0);
    if (this.values.length > SAMPLES) this.values.shift();
    return fresh ? this.#rate : undefined;
  }
}
