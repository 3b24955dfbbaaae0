/**
 * Which characters one piece of a regular expression takes: `x`, `\d`, `[^a-z]`, `.`. Enough to say that two pieces can never
 * take the same character; in doubt they can.
 */

/** A bit for each ASCII character, and one for all that is not ASCII. */
export type Chars = bigint;

const ASCII = 128;
const BEYOND_ASCII = 1n << BigInt(ASCII);
/** Pieces that may mean characters outside ASCII: one of those, an escape by kind, number or property, a negation, the dot. */
const MAY_GO_BEYOND = /[\u0080-\uffff]|\\[DsSWpPuxc0-9k]|^\[\^|^\.$/;
const ANY: Chars = (BEYOND_ASCII << 1n) - 1n;

/** `piece` is one valid atom without its repetition; it is tried on single characters and on nothing longer. */
export function charsOf(piece: string, flags: string): Chars {
  let one: RegExp;
  try {
    one = new RegExp(`^(?:${piece})$`, flags);
  } catch {
    return ANY;
  }
  let taken = 0n;
  for (let code = 0; code < ASCII; code++) if (one.test(String.fromCharCode(code))) taken |= 1n << BigInt(code);
  // With i and u together letters have partners outside ASCII: U+017F is an s.
  const beyond = MAY_GO_BEYOND.test(piece) || (flags.includes('i') && flags.includes('u'));
  return beyond ? taken | BEYOND_ASCII : taken;
}

export const disjoint = (a: Chars, b: Chars): boolean => (a & b) === 0n;
