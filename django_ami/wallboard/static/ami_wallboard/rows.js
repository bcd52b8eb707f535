/**
 * A list of rows (or tiles) of one kind of objects: filtered, in order, those in sight as nodes.
 *
 * A row keeps its node while it is in sight. CSS places it by its number (`--i`), so that a row that
 * moves pushes nothing else about, and hundreds of rows out of sight cost nothing.
 */

import { copy, fields, move, set, put, style } from "./dom.js";
import { filter, next, order } from "./filters.js";
import { folded } from "./format.js";

/** The order is made anew this often at most, whatever comes in. */
const ORDER_MILLISECONDS = 250;
/** Rows glide to their places unless they are moved more often than this. */
const CALM_MILLISECONDS = 1000;
/** So many rows beyond both edges are nodes, too. */
const BEYOND = 6;

export class Rows {
  entries = new Map();
  /** All entries that pass the filter, in order; and those of them that are nodes now. */
  sorted = [];
  shown = [];
  /** Entries whose objects have gone; until the order is made anew, each keeps its node and its place. */
  #gone = new Map();
  #dirty = false;
  #ordered = -Infinity;
  /** Whether a text passes the filter; null: everything does. */
  #test = null;
  #reverse = false;
  /** The rows in sight: the first one, and the one behind the last. */
  #sight = [0, 40];

  /**
   * `body` holds the rows, `template` is the id of their template. `rolls` says that only those in
   * sight are nodes. Subclasses have `sorts`, and the functions `text`, `fill` and `tickRow`.
   */
  constructor(page, { kind, body, template, rolls = false, sort }) {
    Object.assign(this, { page, kind, body, template, rolls, sort });
    this.panel = body.closest(".panel");
    this.scroller = this.panel.querySelector("[data-scroll]");
    this.empty = this.panel.querySelector("[data-empty]");
    this.total = this.panel.querySelector("[data-total]");
    if (!rolls) return;
    const look = () => requestAnimationFrame(() => this.look());
    this.scroller.addEventListener("scroll", look, { passive: true });
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
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
        if (entry) this.#gone.set(id, entry);
        this.entries.delete(id);
      } else {
        entry ??= this.#gone.get(id) ?? { id, server, name, node: null, text: null };
        this.entries.set(id, entry);
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
    if (!now && time - this.#ordered < ORDER_MILLISECONDS) return true;
    this.#dirty = false;
    this.body.classList.toggle("calm", time - this.#ordered > CALM_MILLISECONDS);
    this.#ordered = time;
    this.#gone.clear();
    const matching = [...this.entries.values()].filter((entry) => this.#matches(entry));
    this.sorted = order(this.sorts[this.sort], this.#reverse, this.page.format.compare)(matching);
    this.#show();
    return false;
  }

  /** The part of the sorted entries that is shown: its begin and its end. */
  part() {
    return this.rolls ? this.#sight : [0, Infinity];
  }

  /** Finds out which rows are in sight, and shows them. */
  look() {
    if (!this.rolls || this.sorted.length === 0) return;
    const view = this.scroller.getBoundingClientRect();
    const body = this.body.getBoundingClientRect();
    const row = body.height / this.sorted.length || Infinity;
    const from = Math.floor((Math.max(view.top, 0) - body.top) / row) - BEYOND;
    const to = Math.ceil((Math.min(view.bottom, innerHeight) - body.top) / row) + BEYOND;
    const sight = [Math.max(0, from), Math.max(0, to)];
    if (String(sight) === String(this.#sight)) return;
    this.#sight = sight;
    this.#show();
  }

  /** The row that is so many behind the one with the focus gets it. */
  step(by) {
    const at = this.sorted.findIndex(({ node }) => node?.contains(document.activeElement));
    const index = at < 0 ? 0 : Math.min(Math.max(at + by, 0), this.sorted.length - 1);
    const entry = this.sorted[index];
    if (!entry) return;
    if (!entry.node) this.#show(index);
    entry.node.focus({ preventScroll: true });
    entry.node.scrollIntoView({ block: "nearest" });
  }

  /** Lets the timers of the shown rows go on. */
  tick(now) {
    for (const entry of this.shown) this.tickRow(entry, this.page.nowOf(entry.server, now));
  }

  tickRow() {}

  #matches(entry) {
    if (!this.#test) return true;
    entry.text ??= folded(this.text(entry).filter(Boolean).join(" "));
    return this.#test(entry.text);
  }

  /** Makes the nodes of the rows in sight, and of one more that is to get the focus. */
  #show(more) {
    const [begin, end] = this.part();
    const { activeElement } = document;
    const entries = this.sorted.filter(
      (entry, index) =>
        (entry.index = index) >= begin && index < end || index === more || entry.node?.contains(activeElement),
    );
    const keep = new Set(entries);
    const left = this.shown.filter((entry) => !keep.has(entry));
    const focused = left.find(({ node }) => node.contains(activeElement));
    const heir = focused && this.#heir(focused, keep);
    for (const entry of left) this.#unmake(entry);
    let after = null;
    for (const entry of entries) {
      if (!entry.node) this.#make(entry);
      const place = after ? after.nextSibling : this.body.firstChild;
      if (place !== entry.node) move(this.body, entry.node, place);
      style(entry.node, "--i", entry.index);
      if (this.rolls) set(entry.node, "aria-rowindex", entry.index + 2);
      after = entry.node;
    }
    this.shown = entries;
    const count = this.sorted.length;
    style(this.body, "--n", count);
    if (this.rolls) set(this.scroller, "aria-rowcount", count + 1);
    if (this.total) put(this.total, this.page.format.count(count));
    this.empty.hidden = count > 0;
    if (focused) (heir?.node ?? this.scroller).focus({ preventScroll: true });
  }

  /** Of the rows that stay the one next to a row that goes: it gets the focus, and a person goes on from there. */
  #heir(entry, keep) {
    const at = this.shown.indexOf(entry);
    const stays = (one) => keep.has(one);
    return this.shown.slice(at).find(stays) ?? this.shown.slice(0, at).findLast(stays);
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
    entry.node = entry.f = entry.started = null;
  }
}
