import { Announcer } from "/static/ami_wallboard/announcer.js";
import { calleeOf, party } from "/static/ami_wallboard/calls.js";
import { span, sum as curves } from "/static/ami_wallboard/curve.js";
import { filter, next, order } from "/static/ami_wallboard/filters.js";
import { messages } from "/static/ami_wallboard/polling.js";
import { partOf } from "/static/ami_wallboard/queues.js";
import { level, limitsOf } from "/static/ami_wallboard/thresholds.js";
import { sum as totals } from "/static/ami_wallboard/totals.js";
import { capacity } from "/static/ami_wallboard/tv.js";
import { equal } from "./expect.js";

export function filter_wants_each_of_its_words() {
  const test = filter('Amy  "after hours"');
  equal([test("amy in after hours"), test("amy in hours after"), test("after hours")], [true, false, false]);
}

export function filter_without_a_word_passes_everything() {
  equal(filter("  "), null);
}

export function entries_without_a_value_come_last_in_both_directions() {
  const entries = [{ id: "a" }, { id: "b", n: 2 }, { id: "c", n: 1 }];
  const compare = (a, b) => a.localeCompare(b);
  const ids = (reverse) => order(({ n }) => n, reverse, compare)(entries).map(({ id }) => id);
  equal([ids(false), ids(true)], [["c", "b", "a"], ["b", "c", "a"]]);
}

export function equal_entries_do_not_change_places() {
  const compare = (a, b) => a.localeCompare(b);
  const sort = order(() => 1, true, compare);
  equal(sort([{ id: "b" }, { id: "a" }]).map(({ id }) => id), ["a", "b"]);
}

export function orders_go_round() {
  equal([next(["a", "b"], "a"), next(["a", "b"], "b")], ["b", "a"]);
}

export function queue_has_its_own_limits_before_those_of_all() {
  const all = { wait_warning_seconds: 30, wait_critical_seconds: 60, service_level_target: 0.8 };
  const thresholds = { ...all, queues: { vip: { ...all, wait_critical_seconds: 40 } } };
  equal(limitsOf(thresholds, "vip"), { warning: 30, critical: 40, service: 0.8 });
  equal(limitsOf(thresholds, "other").critical, 60);
}

export function wait_is_judged_by_its_limits() {
  const limits = { warning: 30, critical: 60 };
  equal([undefined, 29, 30, 59, 60].map((wait) => level(wait, limits)), ["ok", "ok", "warning", "warning", "critical"]);
}

export function totals_of_servers_are_added_and_shares_are_weighted() {
  const made = totals([
    { waiting: 1, answered: 90, abandoned: 10, oldest: 50, service_level: 0.9, agents: { available: 1, talking: 2 } },
    { waiting: 2, answered: 0, abandoned: 0, agents: { paused: 1, unreachable: 1, wrap_up: 1 } },
    { waiting: 0, answered: 290, abandoned: 10, oldest: 40, service_level: 0.5 },
  ]);
  equal([made.waiting, made.answered, made.oldest, made.service_level], [3, 380, 40, 0.6]);
  equal(made.agents, { free: 1, busy: 3, paused: 1, away: 1 });
}

export function state_that_is_not_known_is_away() {
  equal([partOf("ringing"), partOf("offline"), partOf("new")], ["busy", "away", "away"]);
}

export function curves_are_added_bucket_by_bucket() {
  const one = { begin: 0, seconds: 900, offered: [1, 2], answered: [1], abandoned: [] };
  const other = { begin: 0, seconds: 900, offered: [1, 1, 4], answered: [0, 1], abandoned: [1] };
  equal(curves([one, other]).offered, [2, 3, 4]);
}

export function curve_of_yesterday_is_not_added_to_one_of_today() {
  const empty = { seconds: 900, answered: [], abandoned: [] };
  equal(curves([{ ...empty, begin: 0, offered: [7] }, { ...empty, begin: 86400, offered: [1] }]).offered, [1]);
}

export function curve_is_drawn_in_whole_hours_around_what_happened() {
  const curve = { begin: 0, seconds: 900, offered: Array(40).fill(0), answered: [], abandoned: [] };
  curve.offered[33] = 1;
  equal(span(curve, 15.2 * 3600), [32, 64]);
  equal(span(curve, 10 * 3600), [20, 44]);
}

export function party_is_named_by_name_number_or_device() {
  equal(party({ name: "Amy", number: "7", device: "PJSIP/7" }), { name: "Amy", number: "7" });
  equal(party({ number: "7", device: "PJSIP/x" }), { name: "7", number: "" });
  equal(party({ device: "PJSIP/7103" }), { name: "7103", number: "" });
  equal(party({ name: "<unknown>", number: "7" }), { name: "7", number: "" });
  equal(party(undefined), { name: "", number: "" });
}

export function callee_is_the_party_and_the_dialled_number_stands_for_a_trunk() {
  const callee = { device: "PJSIP/trunk" };
  equal(calleeOf({ callee, direction: "outbound", requested: "0301" }).name, "0301");
  equal(calleeOf({ callee, direction: "inbound", requested: "0301" }).name, "trunk");
  equal(calleeOf({ direction: "inbound", requested: "0301" }).name, "0301");
}

export function polled_state_is_told_in_messages_of_the_stream() {
  const server = { fresh: true, heard: 9, objects: { "queue:a": null } };
  const kinds = (whole) => messages({ now: 10, servers: { node_1: { ...server, whole } } });
  equal(kinds(true)[0], ["whole", { server: "node_1", now: 10, fresh: true, heard: 9, objects: { "queue:a": null } }]);
  equal(kinds(false).map(([kind]) => kind), ["change", "fresh", "beat"]);
}

export function announcer_says_things_together_and_not_too_often() {
  const region = document.createElement("p");
  const announcer = new Announcer(region);
  const said = [];
  const tick = (now) => (announcer.tick(now), said.push(region.textContent));
  announcer.announce("a", "a breached.");
  tick(100);
  announcer.announce("b", "b breached.");
  announcer.announce("c", "c breached.");
  announcer.announce("stale", "old");
  announcer.announce("stale", "stale.");
  tick(105);
  announcer.withdraw("c");
  tick(110);
  equal(said, ["a breached.", "a breached.", "b breached. stale."]);
}

export function tv_holds_whole_tiles_and_at_least_one() {
  equal([capacity(1872, 570, 20), capacity(1872, 700, 20), capacity(300, 100, 20)], [6, 6, 1]);
}
