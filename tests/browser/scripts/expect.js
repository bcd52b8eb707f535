/** What a test of a script expects: it throws what it found instead. */

export function equal(found, expected) {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${one} is not ${other}`);
}

export const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

/** Waits until it is true, five seconds at most. */
export async function until(condition) {
  for (let waited = 0; waited < 5; waited += 0.02) {
    if (condition()) return;
    await seconds(0.02);
  }
  throw new Error(`never true: ${condition}`);
}
