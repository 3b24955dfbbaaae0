/**
 * A message with 8-bit text for a receiver that takes 7-bit text only (RFC 6152 §3): each part that needs it is encoded anew, as
 * quoted-printable or base64; every other byte stays as it is.
 *
 * Pure. What cannot be carried over without changing what it says or breaking a signature throws Unfit with the reason:
 * signed parts, somebody else's DKIM signature over the body, 8-bit headers, bytes that belie their own label.
 */
import { encode as quotedPrintable, wrap } from 'nodemailer/lib/qp';
import { type Field, isPart, parseMime, type Part } from './mime.js';

export class Unfit extends Error {}

const LINE = 76;
/** Above this share of 8-bit bytes base64 is the shorter writing: 4/3 against 1 + 2 x share. */
const DENSE = 1 / 6;

export const isSevenBit = (bytes: Uint8Array): boolean => !bytes.some(byte => byte > 127);

/**
 * `ours`: so many DKIM signatures are this system's, which can make them anew. They are taken off; one more than these, and
 * the message stays as it is: whose they are cannot be told from what they say.
 */
export function sevenBit(message: Buffer, ours = 0): Buffer {
  const whole = parseMime(message);
  const root = { ...whole, fields: whole.fields.filter(f => f.name !== 'dkim-signature') };
  if (whole.fields.length - root.fields.length > ours) throw new Unfit('that would break its DKIM signature');
  return Buffer.concat(converted(root, !root.fields.some(f => f.name === 'content-type')));
}

/** Has any part of it a header with bytes beyond ASCII? Needs no more than the message to be one. */
export function hasWideHeader(message: Buffer): boolean {
  const wide = (part: Part): boolean =>
    part.type.startsWith('message/global') ||
    part.fields.some(f => !isSevenBit(f.bytes)) ||
    (part.pieces ?? []).some(piece => isPart(piece) && wide(piece));
  return wide(parseMime(message));
}

/** `unlabelled`: the message says nothing of its type; RFC 1428 §3 names the charset nobody stated. */
function converted(part: Part, unlabelled: boolean): Buffer[] {
  if (part.fields.some(f => !isSevenBit(f.bytes))) throw new Unfit('a header of it is not ASCII');
  if (isSevenBit(part.body)) return [...part.fields.map(f => f.bytes), part.blank, part.body];
  if (part.type === 'multipart/signed') throw new Unfit('that would break the signature of a signed part');
  if (part.type.startsWith('message/') && part.type !== 'message/rfc822') throw new Unfit(`a part of type ${part.type} cannot be`);
  if (part.encoding !== '7bit' && part.encoding !== '8bit' && part.encoding !== 'binary')
    throw new Unfit(`a part labelled ${part.encoding} holds 8-bit text`);
  if (part.pieces)
    return [
      ...relabelled(part, '7bit', false),
      ...part.pieces.flatMap(piece => (isPart(piece) ? converted(piece, false) : [ascii(piece)])),
    ];
  const dense = part.body.reduce((n, byte) => (byte > 127 ? n + 1 : n), 0) > part.body.length * DENSE;
  const base64 = dense || !part.type.startsWith('text/');
  const body = base64 ? part.body.toString('base64').replace(/.{1,76}/g, '$&\r\n') : wrap(quotedPrintable(part.body), LINE);
  return [...relabelled(part, base64 ? 'base64' : 'quoted-printable', unlabelled), Buffer.from(body, 'latin1')];
}

function ascii(between: Buffer): Buffer {
  if (!isSevenBit(between)) throw new Unfit('there is 8-bit text between its parts');
  return between;
}

/** The header with its Content-Transfer-Encoding replaced, in its place, or put behind the rest. */
function relabelled(part: Part, encoding: string, unlabelled: boolean): Buffer[] {
  const label = Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n`);
  const has = (name: string): boolean => part.fields.some(f => f.name === name);
  const header = part.fields.map((f: Field) => (f.name === 'content-transfer-encoding' ? label : f.bytes));
  if (!has('content-transfer-encoding')) header.push(label);
  if (unlabelled) {
    if (!has('mime-version')) header.push(Buffer.from('MIME-Version: 1.0\r\n'));
    header.push(Buffer.from('Content-Type: text/plain; charset=unknown-8bit\r\n'));
  }
  return [...header, part.blank];
}
