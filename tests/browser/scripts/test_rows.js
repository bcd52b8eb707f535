/** A list whose objects go, and come back, before its order is made anew. */

import { Format } from "/static/ami_wallboard/format.js";
import { Queues } from "/static/ami_wallboard/queues.js";
import { Rows } from "/static/ami_wallboard/rows.js";
import { Store } from "/static/ami_wallboard/store.js";
import { equal } from "./expect.js";

const HTML = `
<section class="panel"><h2 data-total></h2>
  <div data-scroll tabindex="0"><div data-body></div><p data-empty hidden>none</p></div>
  <template id="test-row"><div tabindex="-1"><b data-f="text"></b> <button>act</button></div></template>
</section>`;
const FIGURES = ["name", "server", "waiting", "longest", "level", "meter", "bar", "service", "answered", "abandoned", "offered", "free", "busy", "paused", "away"];

class Plain extends Rows {
  fill(entry, object, f) {
    f.text.textContent = object.text;
  }
}

/** Runs a test with a list of such objects; nothing is left of it. */
function within(names, test, make = (page, body) => new Plain(page, { kind: "thing", body, template: "test-row", rolls: true, sort: "name" })) {
  const place = document.createElement("div");
  place.innerHTML = HTML;
  document.body.append(place);
  const page = {
    store: new Store(),
    format: new Format("en", "UTC"),
    strings: { levels: {} },
    config: { thresholds: { queues: {} } },
    isFresh: () => true,
    nowOf: () => 0,
  };
  const list = make(page, place.querySelector("[data-body]"));
  const changes = new Map();
  page.store.subscribe((server, kind, name) => changes.set(name, [server, name]));
  const say = (objects) => {
    const keyed = Object.entries(objects).map(([name, object]) => [`${list.kind}:${name}`, object]);
    page.store.apply("change", { server: "pbx", now: 0, objects: Object.fromEntries(keyed) });
    list.update(changes);
    changes.clear();
  };
  const node = (name) => list.body.querySelector(`[data-${list.kind}="${name}"]`);
  try {
    say(Object.fromEntries(names.map((name) => [name, { text: name }])));
    list.arrange(true);
    test({ list, say, node, names: () => [...list.body.children].map((one) => one.dataset[list.kind]) });
  } finally {
    place.remove();
  }
}

const focused = () => document.activeElement.dataset.thing ?? Object.keys(document.activeElement.dataset).join();

export function row_that_goes_keeps_its_place_and_is_counted_until_the_order_is_made() {
  within(["a", "b"], ({ list, say, names }) => {
    const seen = () => [names(), list.scroller.getAttribute("aria-rowcount"), list.total.textContent];
    say({ a: null, b: null });
    list.tick(0);
    list.look();
    equal([seen(), list.empty.hidden], [[["a", "b"], "3", "2"], true]);
    list.arrange(true);
    equal([seen(), list.empty.hidden], [[[], "1", "0"], false]);
  });
}

export function row_whose_object_comes_back_before_that_keeps_its_node_and_the_focus() {
  within(["a", "b"], ({ list, say, node, names }) => {
    const row = node("b");
    row.querySelector("button").focus();
    say({ b: null });
    say({ b: { text: "again" } });
    list.arrange(true);
    equal([names(), node("b") === row, row.contains(document.activeElement)], [["a", "b"], true, true]);
    equal(row.querySelector("b").textContent, "again");
  });
}

export function row_whose_object_comes_back_later_is_another_one() {
  within(["a"], ({ list, say, node, names }) => {
    const row = node("a");
    say({ a: null });
    list.arrange(true);
    say({ a: { text: "again" } });
    list.arrange(true);
    equal([names(), node("a") === row], [["a"], false]);
  });
}

export function row_that_goes_leaves_the_focus_to_the_next_one_that_stays() {
  within(["a", "b", "c", "d"], ({ list, say, node }) => {
    const after = (gone) => (say(Object.fromEntries(gone.map((name) => [name, null]))), list.arrange(true), focused());
    node("b").querySelector("button").focus();
    equal([after(["a", "b", "c"]), list.sorted.length], ["d", 1]);
  });
  within(["a", "b"], ({ list, say, node }) => {
    node("b").focus();
    say({ b: null });
    list.arrange(true);
    equal(focused(), "a");
    say({ a: null });
    list.arrange(true);
    equal(focused(), "scroll");
  });
}

export function steps_go_on_from_a_row_that_went() {
  within(["a", "b", "c", "d"], ({ list, say, node }) => {
    node("b").focus();
    say({ b: null });
    list.step(1);
    equal(focused(), "c");
    list.step(-1);
    equal(focused(), "b"); // still in its place
    list.arrange(true);
    equal(focused(), "c");
    list.step(1);
    equal(focused(), "d");
  });
}

export function row_that_goes_takes_no_focus_from_elsewhere() {
  within(["a", "b"], ({ list, say }) => {
    list.scroller.focus();
    say({ a: null });
    list.arrange(true);
    equal(focused(), "scroll");
  });
}

export function page_of_a_tv_whose_queues_all_went_gives_way_to_the_first_one() {
  const make = (page, body) => {
    const fields = FIGURES.map((name) => `<i data-f="${name}"></i>`).join("");
    body.insertAdjacentHTML("afterend", `<template id="queue-tile"><article>${fields}</article></template>`);
    return new Queues(page, body);
  };
  within(
    ["a", "b", "c"],
    ({ list, say, names }) => {
      equal([list.turn(2), list.turn(2), names()], [[1, 2], [2, 2], ["c"]]);
      say({ c: null });
      list.arrange(true);
      equal(names(), ["a", "b"]);
      say({ c: {} });
      list.arrange(true);
      list.turn(2);
      say({ c: null });
      equal([list.turn(2), names()], [[1, 1], ["a", "b"]]);
    },
    make,
  );
}
