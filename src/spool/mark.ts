/**
 * How far bodies are durable: segment and offset, written in place after each sync and before anybody hears of it. At a start
 * it tells rows whose bodies were still on their way (never acknowledged) from rows whose bodies were damaged since.
 *
 * Not synced itself: it outlives the process always, and after a power cut it may say less than was durable, never more.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { BodyRef } from '../kernel/message.js';

const BYTES = 14;

export class DurableMark {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(BYTES);

  constructor(file: string) {
    this.#fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  set(segment: number, position: number): void {
    this.#bytes.writeUInt32BE(segment, 0);
    this.#bytes.writeUIntBE(position, 4, 6);
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(0, 10)), 10);
    writeSync(this.#fd, this.#bytes, 0, BYTES, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Which bodies were durable when the last process ended; none for certain when the file is missing or makes no sense. */
export function readMark(file: string): (body: BodyRef) => boolean {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return () => false;
  }
  if (bytes.length !== BYTES || crc32(bytes.subarray(0, 10)) !== bytes.readUInt32BE(10)) return () => false;
  const segment = bytes.readUInt32BE(0);
  const position = bytes.readUIntBE(4, 6);
  return body => body.segment < segment || (body.segment === segment && body.offset + body.length <= position);
}
