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

/** undefined: a CR or LF stands alone somewhere. */
export function onWire(content: Buffer): Buffer | undefined {
  const last = content[content.length - 1];
  if (last === CR || !hasWholeLines(content, 0)) return undefined;
  const parts: Buffer[] = [];
  let from = 0;
  if (content[0] === DOT) parts.push(ONE_DOT);
  for (let at = content.indexOf(DOT_LINE); at >= 0; at = content.indexOf(DOT_LINE, at + 1)) {
    parts.push(content.subarray(from, at + 1), ONE_DOT);
    from = at + 1;
  }
  parts.push(content.subarray(from), last === LF ? END : END_OF_OPEN_LINE);
  return Buffer.concat(parts);
}
