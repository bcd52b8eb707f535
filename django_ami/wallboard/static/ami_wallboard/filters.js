/** What is shown, and in which order. */

import { folded } from "./format.js";

/**
 * Makes a test of a text: each word of the query must be in it; words in quotes are one. Null for a
 * query without a word, which everything passes.
 */
export function filter(query) {
  const words = [...folded(query).matchAll(/"([^"]+)"?|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);
  return words.length > 0 ? (text) => words.every((word) => text.includes(word)) : null;
}

/**
 * Makes an order of entries by the value that each has; those without one come last.
 *
 * Ids break a tie, so that rows that are equal do not change places.
 */
export function order(value, reverse, compare) {
  const sign = reverse ? -1 : 1;
  const decorated = (entries) => entries.map((entry) => [value(entry), entry]);
  const between = ([a, one], [b, other]) => {
    if (a === b) return one.id < other.id ? -1 : 1;
    if (a === undefined) return 1;
    if (b === undefined) return -1;
    if (typeof a === "string" || typeof b === "string") return sign * compare(String(a), String(b));
    return sign * (a - b);
  };
  return (entries) => decorated(entries).sort(between).map(([, entry]) => entry);
}

/** The next name of an order, round and round. */
export const next = (names, name) => names[(names.indexOf(name) + 1) % names.length];
