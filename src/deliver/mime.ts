/**
 * A message as its MIME parts (RFC 2045, RFC 2046): where headers, delimiters and bodies stand, as views of the bytes given.
 *
 * Pure, and bounded by them: nothing is decoded, and joining the pieces of a part gives back its bytes. A structure that can be
 * read in two ways (two Content-Type fields, a multipart without a boundary, parts nested beyond reason) is no structure:
 * Unreadable.
 */
import { parseHeaderValue } from 'nodemailer/lib/mime-funcs';

const LF = 10;
const BLANK_LINE = Buffer.from('\r\n\r\n');
const DEEPEST = 30;
const MOST_PARTS = 10_000;

export class Unreadable extends Error {}

export interface Field {
  /** Lower-case. */
  readonly name: string;
  /** Unfolded, read as latin1. */
  readonly value: string;
  /** With its line ends. */
  readonly bytes: Buffer;
}

export interface Part {
  readonly fields: readonly Field[];
  /** The blank line behind the fields; empty when the part has none. */
  readonly blank: Buffer;
  /** Lower-case; `text/plain` where the header says nothing. */
  readonly type: string;
  /** Lower-case; `7bit` where the header says nothing. */
  readonly encoding: string;
  readonly body: Buffer;
  /** Of a multipart and of a message/rfc822: the pieces of the body in order. */
  readonly pieces?: readonly (Buffer | Part)[];
}

export function parseMime(message: Buffer): Part {
  return part(message, 'text/plain', 0, { parts: 0 });
}

export const isPart = (piece: Buffer | Part): piece is Part => !Buffer.isBuffer(piece);

function part(bytes: Buffer, unlabelled: string, depth: number, count: { parts: number }): Part {
  if (depth > DEEPEST || ++count.parts > MOST_PARTS) throw new Unreadable('its MIME parts are nested too deep, or too many');
  const atOnce = bytes[0] === 13 && bytes[1] === LF;
  const found = atOnce ? 0 : bytes.indexOf(BLANK_LINE);
  const headerEnd = atOnce ? 0 : found < 0 ? bytes.length : found + 2;
  const fields = fieldsOf(bytes.subarray(0, headerEnd));
  const blank = bytes.subarray(headerEnd, found < 0 ? headerEnd : headerEnd + 2);
  const body = bytes.subarray(headerEnd + blank.length);
  const { value, params } = parseHeaderValue(only(fields, 'content-type') ?? unlabelled, { stripComments: true });
  const type = value.trim().toLowerCase() || unlabelled;
  const encoding = (only(fields, 'content-transfer-encoding') ?? '7bit')
    .replace(/\([^()]*\)/g, '')
    .trim()
    .toLowerCase();
  const shared = { fields, blank, type, encoding, body };
  if (type === 'message/rfc822') return { ...shared, pieces: [part(body, 'text/plain', depth + 1, count)] };
  if (!type.startsWith('multipart/')) return shared;
  const boundary = params['boundary'];
  if (boundary === undefined || boundary.trim() === '') throw new Unreadable('a multipart has no boundary');
  // RFC 2046 §5.1.5: what says nothing of itself in a digest is a message.
  const inside = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  const pieces = split(body, boundary.trimEnd()).map(p => (p.isPart ? part(p.bytes, inside, depth + 1, count) : p.bytes));
  return { ...shared, pieces };
}

function only(fields: readonly Field[], name: string): string | undefined {
  const [first, second] = fields.filter(f => f.name === name);
  if (second) throw new Unreadable(`it has two ${name} fields in one header`);
  return first?.value;
}

function fieldsOf(header: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < header.length;) {
    let end = lineEnd(header, at);
    while (header[end] === 32 || header[end] === 9) end = lineEnd(header, end);
    const bytes = header.subarray(at, end);
    const text = bytes.toString('latin1');
    const colon = text.indexOf(':');
    const value = text.slice(colon + 1).replace(/\r?\n(?=[ \t])/g, '');
    fields.push({ name: colon < 0 ? '' : text.slice(0, colon).trim().toLowerCase(), value: value.trim(), bytes });
    at = end;
  }
  return fields;
}

function lineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from);
  return lf < 0 ? bytes.length : lf + 1;
}

/** Body of a multipart → what stands between, and its parts; the CRLF before a delimiter belongs to it (RFC 2046 §5.1.1). */
function split(body: Buffer, boundary: string): { isPart: boolean; bytes: Buffer }[] {
  const dashes = Buffer.from(`--${boundary}`, 'latin1');
  const pieces: { isPart: boolean; bytes: Buffer }[] = [];
  let from = 0;
  let inside = false;
  for (let at = body.indexOf(dashes); at >= 0; at = body.indexOf(dashes, at + 1)) {
    if (at > 0 && body[at - 1] !== LF) continue;
    const end = lineEnd(body, at);
    const rest = /^(--)?[ \t]*(?:\r?\n)?$/.exec(body.toString('latin1', at + dashes.length, end));
    if (!rest) continue;
    const before = Math.max(from, at - 2);
    pieces.push({ isPart: inside, bytes: body.subarray(from, inside ? before : at) });
    pieces.push({ isPart: false, bytes: body.subarray(inside ? before : at, end) });
    from = end;
    inside = rest[1] === undefined;
    if (!inside) break;
  }
  pieces.push({ isPart: inside, bytes: body.subarray(from) });
  return pieces;
}
