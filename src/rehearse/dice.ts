/**
 * Chance that can be repeated: the same seed, the same course of events. Not for secrets.
 */

/** Numbers 0 ≤ n < 1 (mulberry32: one 32-bit state, period 2^32). */
export function createDice(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return mixed(state) / 2 ** 32;
  };
}

/** A number 0 ≤ n < 1 that depends on the words alone, not on what was asked before (FNV-1a, then mixed). */
export function lotOf(...words: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of words.join('\u0000')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return mixed(hash) / 2 ** 32;
}

function mixed(state: number): number {
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return (t ^ (t >>> 14)) >>> 0;
}
