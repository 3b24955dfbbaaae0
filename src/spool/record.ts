/**
 * The record a body stands in: 24 bytes of header, the envelope as JSON, the content as accepted. A CRC-32 (the one of zlib
 * and IEEE 802.3) over everything behind it tells a whole record from half of one.
 *
 *   0 magic 'rmp1'  4 length of all  8 crc of what follows  12 length of the envelope  16 message u48  22 zero u16  24 …
 *
 * Never trusts what it reads: a record that does not add up is a DamagedBody, never a shorter message.
 */
import { crc32 } from 'node:zlib';
import type { BodyRef, Envelope, MessageNumber } from '../kernel/message.js';

const MAGIC = 0x726d7031;
const HEADER_BYTES = 24;
const CHECKED_FROM = 12;

/** The body of a message cannot be read as it was accepted: damaged, cut short, or gone. */
export class DamagedBody extends Error {
  constructor(
    readonly ref: BodyRef,
    what: string,
    options?: ErrorOptions,
  ) {
    super(`segment ${ref.segment}, offset ${ref.offset}, ${ref.length} bytes: ${what}`, options);
    this.name = 'DamagedBody';
  }
}

/** Header and envelope; the content follows it unchanged. */
export function recordHead(number: MessageNumber, envelope: Envelope, content: readonly Uint8Array[]): { head: Buffer; length: number } {
  const json = JSON.stringify(envelope);
  const head = Buffer.allocUnsafe(HEADER_BYTES + json.length * 3);
  const envelopeBytes = head.write(json, HEADER_BYTES);
  const headBytes = HEADER_BYTES + envelopeBytes;
  let length = headBytes;
  for (const part of content) length += part.length;
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(length, 4);
  head.writeUInt32BE(envelopeBytes, 12);
  head.writeUIntBE(number, 16, 6);
  head.writeUInt16BE(0, 22);
  let crc = crc32(head.subarray(CHECKED_FROM, headBytes));
  for (const part of content) crc = crc32(part, crc);
  head.writeUInt32BE(crc >>> 0, 8);
  return { head: head.subarray(0, headBytes), length };
}

/** Reads a whole record; throws DamagedBody. */
export function readRecord(ref: BodyRef, bytes: Buffer): { number: MessageNumber; envelope: Envelope; content: Buffer } {
  checkRecord(ref, bytes);
  const end = HEADER_BYTES + bytes.readUInt32BE(12);
  return {
    number: bytes.readUIntBE(16, 6),
    envelope: JSON.parse(bytes.toString('utf8', HEADER_BYTES, end)) as Envelope,
    content: bytes.subarray(end),
  };
}

/** Throws DamagedBody unless these bytes are the whole record, unchanged. */
export function checkRecord(ref: BodyRef, bytes: Buffer): void {
  if (bytes.length !== ref.length || bytes.length < HEADER_BYTES) throw new DamagedBody(ref, `only ${bytes.length} bytes are there`);
  if (bytes.readUInt32BE(0) !== MAGIC) throw new DamagedBody(ref, 'no record begins here');
  if (bytes.readUInt32BE(4) !== ref.length) throw new DamagedBody(ref, `the record there has ${bytes.readUInt32BE(4)} bytes`);
  if (crc32(bytes.subarray(CHECKED_FROM)) !== bytes.readUInt32BE(8)) throw new DamagedBody(ref, 'checksum does not match');
  if (HEADER_BYTES + bytes.readUInt32BE(12) > bytes.length) throw new DamagedBody(ref, 'the envelope is longer than the record');
}
