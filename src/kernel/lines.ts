/**
 * Line ends of mail: CRLF and nothing else (RFC 5321 §2.3.8). Acceptance refuses what has others, delivery looks again
 * before it trusts a body to be so.
 */
const LF = 10;
const CR = 13;
/** Native search finds a line end in a few nanoseconds plus its length; for lines shorter than this a plain loop is faster. */
const SHORT_LINE = 16;
const LOOK_EVERY = 64;

/**
 * Does every LF have its CR and every CR its LF? `before` is the byte that came before these, 0 at the beginning; a CR may
 * be the last byte, its LF is then to come.
 */
export function hasWholeLines(bytes: Uint8Array, before: number): boolean {
  if (bytes.length === 0) return true;
  if (before === CR && bytes[0] !== LF) return false;
  let at = before === CR ? 1 : 0;
  for (let lines = 1; ; lines++) {
    const lf = bytes.indexOf(LF, at);
    const cr = bytes.indexOf(CR, at);
    if (lf < 0) return cr < 0 || cr === bytes.length - 1;
    if (cr < 0 || cr !== lf - 1) return false;
    at = lf + 1;
    if (lines % LOOK_EVERY === 0 && at < lines * SHORT_LINE) return byteByByte(bytes, at);
  }
}

function byteByByte(bytes: Uint8Array, from: number): boolean {
  let last = 0;
  for (let i = from; i < bytes.length; i++) {
    const c = bytes[i] as number;
    if ((c === LF) !== (last === CR)) return false;
    last = c;
  }
  return true;
}
