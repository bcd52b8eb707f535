import { Store, merged } from "/static/ami_wallboard/store.js";
import { equal } from "./expect.js";

const whole = (objects, now = 100) => ({ server: "node_1", now, fresh: true, heard: now, objects });
const change = (objects, now = 100, patches = {}) => ({ server: "node_1", now, objects, patches });

function storeWith(objects) {
  const store = new Store();
  store.apply("whole", whole(objects));
  return store;
}

const names = (store, kind) => [...store.all(kind)].map(([, name]) => name);

export function whole_replaces_all_of_its_server() {
  const store = storeWith({ "queue:a": { waiting: 1 }, "queue:b": { waiting: 2 } });
  store.apply("whole", { ...whole({ "queue:z": {} }), server: "node_2" });
  store.apply("whole", whole({ "queue:b": { waiting: 3 } }));
  equal([...store.all("queue")], [["node_1", "b", { waiting: 3 }], ["node_2", "z", {}]]);
}

export function change_sets_objects_and_takes_them_away() {
  const store = storeWith({ "queue:a": { waiting: 1 }, "queue:b": {} });
  store.apply("change", change({ "queue:a": { waiting: 5 }, "queue:b": null, "agent:PJSIP/1:2": {} }));
  equal(names(store, "queue"), ["a"]);
  equal(store.get("node_1", "queue", "a"), { waiting: 5 });
  equal(names(store, "agent"), ["PJSIP/1:2"]);
}

export function patch_merges_and_makes_a_new_object() {
  const store = storeWith({ "agent:1": { state: "talking", talk: { queue: "a", number: "7" } } });
  const before = store.get("node_1", "agent", "1");
  store.apply("change", change({}, 100, { "agent:1": { talk: { number: null, name: "Amy" }, since: 5 } }));
  equal(store.get("node_1", "agent", "1"), { state: "talking", talk: { queue: "a", name: "Amy" }, since: 5 });
  equal(before.talk.number, "7");
}

export function patch_of_an_unknown_object_is_nothing() {
  const store = storeWith({});
  store.apply("change", change({}, 100, { "queue:a": { waiting: 1 } }));
  equal(names(store, "queue"), []);
}

export function merge_patch_is_that_of_the_standard() {
  equal(merged({ a: "b", c: { d: 1 } }, { a: null, c: { e: [1, null] } }), { c: { d: 1, e: [1, null] } });
  equal(merged({ a: [1] }, { a: { b: null } }), { a: {} });
  equal(merged("text", { a: 1 }), { a: 1 });
}

export function ended_call_stays_for_ten_seconds_with_its_outcome() {
  const store = storeWith({ "call:1": { started: 90 } });
  store.apply("change", change({ "call:1": { started: 90, ended: 101, outcome: "busy" } }, 102));
  store.apply("change", change({ "call:1": null }, 103));
  store.sweep(111.9);
  equal(store.get("node_1", "call", "1").outcome, "busy");
  store.sweep(112);
  equal(names(store, "call"), []);
}

export function call_that_vanishes_without_an_end_goes_at_once() {
  const store = storeWith({ "call:1": { started: 90 } });
  store.apply("change", change({ "call:1": null }));
  equal(names(store, "call"), []);
}

export function call_that_became_another_one_goes_at_once() {
  const store = storeWith({ "call:1": { started: 90 } });
  store.apply("change", change({ "call:1": { started: 90, ended: 100, merged_into: "2" } }));
  equal(names(store, "call"), []);
}

export function call_that_ended_long_ago_is_not_shown() {
  equal(names(storeWith({ "call:1": { ended: 80 }, "call:2": { ended: 95 } }), "call"), ["2"]);
}

export function listeners_hear_of_every_object_when_a_server_becomes_stale() {
  const store = storeWith({ "queue:a": {}, "agent:1": {} });
  const heard = [];
  const stop = store.subscribe((...what) => heard.push(what.join(" ")));
  store.apply("fresh", { server: "node_1", now: 101, fresh: false, heard: 99 });
  stop();
  store.apply("change", change({ "queue:a": null }));
  equal(heard, ["node_1 fresh ", "node_1 queue a", "node_1 agent 1"]);
  equal([store.servers.get("node_1").fresh, store.servers.get("node_1").heard], [false, 99]);
}

export function change_of_a_server_is_a_sign_of_its_listener() {
  const store = storeWith({});
  store.apply("change", change({ "queue:a": {} }, 107));
  equal(store.servers.get("node_1").heard, 107);
}

export function wholes_make_the_same_picture_once_more() {
  const store = storeWith({ "queue:a": { waiting: 1 }, "call:1": { started: 5 } });
  const other = new Store();
  for (const message of store.wholes(100)) other.apply("whole", message);
  equal(other.wholes(100), store.wholes(100));
  equal(other.servers.get("node_1").fresh, true);
}
