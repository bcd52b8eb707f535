import { Backoff } from "/static/ami_wallboard/backoff.js";
import { Clock, elapsed } from "/static/ami_wallboard/clock.js";
import { duration, fill, folded, Format } from "/static/ami_wallboard/format.js";
import { points, Rate } from "/static/ami_wallboard/sparkline.js";
import { equal } from "./expect.js";

export function clock_is_that_of_the_server_whatever_the_browser_says() {
  let monotonic = 10;
  const clock = new Clock(() => monotonic);
  clock.heard(1000);
  monotonic = 15;
  equal(clock.now(), 1005);
}

export function message_that_was_long_on_its_way_does_not_put_the_clock_back() {
  let monotonic = 10;
  const clock = new Clock(() => monotonic);
  clock.heard(1000);
  monotonic = 13;
  clock.heard(1001);
  equal(clock.now(), 1003);
}

export function clock_follows_a_server_that_puts_its_own_back() {
  let monotonic = 0;
  const clock = new Clock(() => monotonic);
  clock.heard(1000);
  for (monotonic = 1; monotonic <= 30; monotonic += 1) clock.heard(500 + monotonic);
  equal(clock.now(), 531);
}

export function timers_count_the_whole_seconds_of_the_clock() {
  equal([elapsed(10.9, 11.0), elapsed(10.9, 11.99), elapsed(12, 11)], [1, 1, 0]);
}

export function durations_have_hours_only_when_there_are_some() {
  equal([7, 754, 3723.9, -1].map(duration), ["0:07", "12:34", "1:02:03", "0:00"]);
}

export function share_is_rounded_down() {
  const format = new Format("en", "UTC");
  equal([0.799, 0.8, 0.29, undefined].map(format.share), ["79%", "80%", "29%", "–"]);
}

export function language_that_the_browser_cannot_read_is_that_of_the_browser() {
  equal(new Format("ca@valencia", "UTC").count(7), "7");
}

export function numbers_are_those_of_the_language() {
  equal(new Format("de", "UTC").count(1234), "1.234");
}

export function time_of_day_is_that_of_the_zone_of_the_server() {
  equal(new Format("en", "Asia/Tokyo").time(0), "09:00:00");
}

export function zone_that_the_browser_does_not_know_is_its_own() {
  equal(new Format("en", "Moon/Base").time(0).length, 8);
}

export function values_are_put_into_a_text() {
  equal(fill("%(a)s of %(b)s, %(c)s", { a: 1, b: "x" }), "1 of x, %(c)s");
}

export function accents_and_case_are_folded() {
  equal(folded("Zoë MÜLLER"), "zoe muller");
}

export function waits_between_attempts_grow_up_to_a_limit() {
  const backoff = new Backoff();
  const waits = Array.from({ length: 6 }, () => backoff.next(() => 0.5));
  equal(waits, [1, 2, 4, 8, 15, 15]);
  backoff.reset();
  equal([backoff.next(() => 0), new Backoff().next(() => 1)], [0.75, 1.25]);
}

export function rate_is_the_growth_in_a_second() {
  const rate = new Rate();
  rate.count(100, 10);
  rate.count(150, 12);
  equal(rate.sample(true), 25);
  rate.count(5, 13);
  equal([rate.sample(true), rate.sample(false) ?? "unknown"], [25, "unknown"]);
  rate.count(15, 14);
  equal([rate.sample(true), rate.values], [10, [25, 25, 0, 10]]);
}

export function curve_of_the_rate_ends_at_its_edge() {
  equal(points([0, 4], 3, 100, 24), "50.0,23.0 100.0,1.0");
}
