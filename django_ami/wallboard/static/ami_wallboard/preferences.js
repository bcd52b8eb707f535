/** What a person has chosen, kept in this browser. */

const KEY = "ami-wallboard";
const DEFAULTS = { theme: "auto", sound: false, flash: true, keys: true, sorts: {} };

export class Preferences {
  #values = { ...DEFAULTS };

  constructor() {
    try {
      Object.assign(this.#values, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    } catch {
      // Storage is forbidden, or holds something else: the defaults do.
    }
  }

  get(name) {
    return this.#values[name];
  }

  set(name, value) {
    this.#values[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // It holds until the page is closed.
    }
  }
}
