/**
 * A body as it follows DATA: dots at the beginning of lines doubled, end of data behind it (RFC 5321 §4.5.2). Pure.
 *
 * What it makes is byte for byte what nodemailer's own stream makes of the same body, in one piece, so that it leaves in one
 * write. A body whose lines do not all end in CRLF is not its business: nodemailer mends those.
 */
import { hasWholeLines } from '../kernel/lines.js';

const DOT = 46;
const CR = 13;
const LF = 10;
const DOT_LINE = Buffer.from('\n.');
const ONE_DOT = Buffer.from('.');
const END = Buffer.from('.\r\n');
const END_OF_OPEN_LINE = Buffer.from('\r\n.\r\n');

/** undefined: a CR or LF stands alone somewhere, or the body is longer than `most` bytes. */
export function onWire(content: readonly Buffer[], most: number): Buffer | undefined {
  const out: Buffer[] = [];
  let bytes = 0;
  /** The byte before the part; a body begins like a line. */
  let before = 0;
  for (const part of content) {
    if (part.length === 0) continue;
    bytes += part.length;
    if (bytes > most || !hasWholeLines(part, before)) return undefined;
    let from = 0;
    if (part[0] === DOT && (before === LF || bytes === part.length)) out.push(ONE_DOT);
    for (let at = part.indexOf(DOT_LINE); at >= 0; at = part.indexOf(DOT_LINE, at + 1)) {
      out.push(part.subarray(from, at + 1), ONE_DOT);
      from = at + 1;
    }
    out.push(from === 0 ? part : part.subarray(from));
    before = part[part.length - 1] as number;
  }
  if (before === CR) return undefined;
  out.push(before === LF ? END : END_OF_OPEN_LINE);
  return Buffer.concat(out);
}
