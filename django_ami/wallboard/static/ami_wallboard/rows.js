/**
 * A list of rows (or tiles) of one kind of objects: filtered, in order, the first ones shown.
 *
 * A row keeps its node while it is shown. CSS places it by its number (`--i`), so that a row that
 * moves pushes nothing else about.
 */

import { copy, fields, move, put, set, style } from "./dom.js";
import { filter, next, order } from "./filters.js";
import { fill as filled, folded } from "./format.js";

/** The order is made anew this often at most, whatever comes in. */
const ORDER_MILLISECONDS = 250;

export class Rows {
  entries = new Map();
  shown = [];
  #dirty = false;
  #ordered = -Infinity;
  #test = filter("");
  #reverse = false;

  /**
   * `body` holds the rows, `template` is the id of their template. Subclasses have `sorts`, and
   * the functions `text`, `fill` and `tick`.
   */
  constructor(page, { kind, body, template, limit = Infinity, sort }) {
    Object.assign(this, { page, kind, body, template, limit, sort, first: 0, count: 0 });
    this.panel = body.closest(".panel");
    this.more = this.panel.querySelector("[data-more]");
    this.empty = this.panel.querySelector("[data-empty]");
    this.total = this.panel.querySelector("[data-total]");
    this.more?.addEventListener("click", () => {
      this.limit = Infinity;
      this.arrange(true);
    });
  }

  /** Names of orders → the value of an entry. */
  sorts = { name: ({ name }) => name };

  /** Whether an object is shown at all. */
  keeps() {
    return true;
  }

  /** Takes the objects that changed: Map of id → [server, name]. */
  update(changes) {
    for (const [id, [server, name]] of changes) {
      const object = this.page.store.get(server, this.kind, name);
      let entry = this.entries.get(id);
      if (object === undefined || !this.keeps(object)) {
        if (entry) this.#forget(entry);
      } else {
        if (!entry) this.entries.set(id, (entry = { id, server, name, node: null, text: null }));
        entry.object = object;
        entry.text = null;
        if (entry.node) this.#fill(entry);
      }
      this.#dirty = true;
    }
  }

  /** Shows only entries with these words. */
  filter(query) {
    this.#test = filter(query);
    this.arrange(true);
  }

  /** Sorts by the name of an order; by the present one, the other way round. */
  sortBy(name, reverse = name === this.sort ? !this.#reverse : false) {
    this.sort = name;
    this.#reverse = reverse;
    this.body.dataset.sort = name;
    for (const head of this.panel.querySelectorAll("[data-sort-by]")) {
      const direction = reverse ? "descending" : "ascending";
      set(head.closest("[role=columnheader]") ?? head, "aria-sort", head.dataset.sortBy === name ? direction : "none");
    }
    this.arrange(true);
  }

  get reverse() {
    return this.#reverse;
  }

  nextSort() {
    this.sortBy(next(Object.keys(this.sorts), this.sort), false);
  }

  /** Brings the rows into order if something changed; true if that is still to be done. */
  arrange(now = false) {
    if (!now && !this.#dirty) return false;
    const time = performance.now();
    if (now !== true && time - this.#ordered < ORDER_MILLISECONDS) return true;
    this.#dirty = false;
    this.#ordered = time;
    const matching = [...this.entries.values()].filter((entry) => this.#matches(entry));
    const sorted = order(this.sorts[this.sort], this.#reverse, this.page.format.compare)(matching);
    this.count = sorted.length;
    if (this.first >= this.count) this.first = 0;
    this.#show(sorted.slice(this.first, this.first + this.limit), this.count);
    return false;
  }

  /** Lets the timers of the shown rows go on. */
  tick(now) {
    for (const entry of this.shown) this.tickRow(entry, this.page.nowOf(entry.server, now));
  }

  tickRow() {}

  #matches(entry) {
    entry.text ??= folded(this.text(entry).filter(Boolean).join(" "));
    return this.#test(entry.text);
  }

  #show(entries, count) {
    const keep = new Set(entries);
    for (const entry of this.shown) if (!keep.has(entry)) this.#unmake(entry);
    let after = null;
    for (const [index, entry] of entries.entries()) {
      if (!entry.node) this.#make(entry);
      const place = after ? after.nextSibling : this.body.firstChild;
      if (place !== entry.node) move(this.body, entry.node, place);
      style(entry.node, "--i", index);
      after = entry.node;
    }
    this.shown = entries;
    style(this.body, "--n", entries.length);
    this.#count(entries.length, count);
  }

  #count(shown, count) {
    if (this.total) put(this.total, this.page.format.count(count));
    if (this.empty) this.empty.hidden = count > 0;
    if (!this.more) return;
    this.more.hidden = count <= shown;
    if (count > shown) put(this.more, filled(this.page.strings.more, { count: this.page.format.count(count - shown) }));
  }

  #make(entry) {
    entry.node = copy(this.template);
    entry.f = fields(entry.node);
    set(entry.node, `data-${this.kind}`, entry.name);
    set(entry.node, "data-server", entry.server);
    this.#fill(entry);
    const actions = entry.node.querySelector(".row-actions");
    if (actions) {
      const detail = { kind: this.kind, server: entry.server, name: entry.name, row: entry.node, actions };
      document.dispatchEvent(new CustomEvent("ami-row", { detail }));
    }
  }

  #fill(entry) {
    entry.node.classList.toggle("stale", !this.page.isFresh(entry.server));
    this.fill(entry, entry.object, entry.f);
    this.tickRow(entry, this.page.nowOf(entry.server));
  }

  #unmake(entry) {
    entry.node?.remove();
    entry.node = entry.f = null;
  }

  #forget(entry) {
    this.#unmake(entry);
    this.entries.delete(entry.id);
    this.shown = this.shown.filter((one) => one !== entry);
  }
}
