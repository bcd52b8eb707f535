/** Numbers, times and texts as people read them in their language. */

const NOTHING = "–";
const pad = (number) => String(number).padStart(2, "0");

/** 7 → "0:07", 754 → "12:34", 3723 → "1:02:03". */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

/** Puts values into a text of Django: "%(count)s more". */
export const fill = (text, values) =>
  text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));

/** A text without case and accents, for filters. */
export const folded = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Django has languages whose names are none elsewhere: "ca@valencia". */
function readable(language) {
  try {
    return Intl.getCanonicalLocales(language)[0];
  } catch {
    return undefined;
  }
}

export class Format {
  #number;
  #share;
  #time;
  #collator;

  /**
   * `zone` is a name of the time zone database. A zone or a language that the browser does not know
   * is its own.
   */
  constructor(wanted, zone) {
    const language = readable(wanted);
    const digits = { numberingSystem: "latn" };
    this.#number = new Intl.NumberFormat(language, { ...digits, maximumFractionDigits: 0 });
    this.#share = new Intl.NumberFormat(language, { ...digits, style: "percent" });
    this.#collator = new Intl.Collator(language, { numeric: true });
    const clock = { ...digits, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    try {
      this.#time = new Intl.DateTimeFormat(language, { ...clock, timeZone: zone });
    } catch {
      this.#time = new Intl.DateTimeFormat(language, clock);
    }
  }

  count = (value) => (value === undefined ? NOTHING : this.#number.format(value));

  /** A share, rounded down: 79.9 % is below a target of 80 %, and looks like it. */
  share = (value) =>
    value === undefined ? NOTHING : this.#share.format(Math.floor(value * 100 + 1e-9) / 100);

  /** The time of day of a Unix time. */
  time = (seconds) => this.#time.format(new Date(seconds * 1000));

  /** A duration; nothing is a dash. */
  duration = (seconds) => (seconds === undefined ? NOTHING : duration(seconds));

  /** Orders names: "line 2" is before "line 10". */
  compare = (a, b) => this.#collator.compare(a, b);
}
