/**
 * Records of the ledger log as bytes: blocks of 32, each with a CRC-32 over the rest of it, so that a torn or damaged one is
 * known. Addresses, providers and the boot id are texts that records name by number; a text takes as many blocks as it needs.
 *
 *   0 crc u32  4 kind u8  5 flag u8  6 at f64  14 a u48  20 b u32  24 c u32  28 d u32
 */
import { crc32 } from 'node:zlib';

export const BLOCK = 32;

export const KIND = {
  /** First in a file. a: format, b: number of the run's first file, c: text number of the boot id, flag: anything ever reserved. */
  header: 1,
  /** a: its number, b: bytes of UTF-8, which follow in whole blocks; the crc covers them. */
  text: 2,
  /** a: permit, b: text of the address, c: text of the provider, d: slots. */
  reserve: 3,
  answer: 4,
  refund: 5,
  /** at: policy time, a: monotonic microseconds, b and c: wall milliseconds, high and low half. */
  clock: 6,
  /** a: bytes of this file that are on the disk for certain. */
  synced: 7,
  /** The process ended in order; nothing follows. */
  clean: 8,
} as const;

export interface Block {
  readonly kind: number;
  readonly flag: number;
  readonly at: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** Of a text block. */
  readonly text?: string;
  /** Where it begins and where the next one does. */
  readonly offset: number;
  readonly end: number;
}

/** Blocks waiting to be written. */
export class BlockBuffer {
  #bytes = Buffer.alloc(64 * BLOCK);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What waits; valid until the next add(). */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  add(kind: number, at: number, a = 0, b = 0, c = 0, d = 0, flag = 0): void {
    const start = this.#room(BLOCK);
    this.#fill(start, kind, at, a, b, c, d, flag);
    this.#seal(start, start + BLOCK);
  }

  addText(number: number, text: string): void {
    const encoded = Buffer.from(text);
    const size = BLOCK + Math.ceil(encoded.length / BLOCK) * BLOCK;
    const start = this.#room(size);
    this.#fill(start, KIND.text, 0, number, encoded.length, 0, 0, 0);
    encoded.copy(this.#bytes, start + BLOCK);
    this.#bytes.fill(0, start + BLOCK + encoded.length, start + size);
    this.#seal(start, start + size);
  }

  #fill(start: number, kind: number, at: number, a: number, b: number, c: number, d: number, flag: number): void {
    const bytes = this.#bytes;
    bytes[start + 4] = kind;
    bytes[start + 5] = flag;
    bytes.writeDoubleBE(at, start + 6);
    bytes.writeUIntBE(a, start + 14, 6);
    bytes.writeUInt32BE(b, start + 20);
    bytes.writeUInt32BE(c, start + 24);
    bytes.writeUInt32BE(d, start + 28);
  }

  #seal(start: number, end: number): void {
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(start + 4, end)), start);
  }

  #room(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const bigger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length));
      this.#bytes.copy(bigger, 0, 0, start);
      this.#bytes = bigger;
    }
    return start;
  }
}

/** Every whole block, in order; what is not whole is passed over. `broken`: where none stands, when that is known already. */
export function* blocksOf(bytes: Buffer, broken?: ReadonlySet<number>): Generator<Block, void, void> {
  for (let offset = 0; offset < bytes.length;) {
    const block = broken?.has(offset) ? undefined : readBlock(bytes, offset, broken !== undefined);
    if (block) yield block;
    offset = block?.end ?? offset + BLOCK;
  }
}

/** The block at `offset`, or undefined when none stands there whole. `known` to be whole, its sum is not computed again. */
function readBlock(bytes: Buffer, offset: number, known: boolean): Block | undefined {
  if (offset + BLOCK > bytes.length) return undefined;
  const kind = bytes[offset + 4]!;
  const b = bytes.readUInt32BE(offset + 20);
  const size = kind === KIND.text ? BLOCK + Math.ceil(b / BLOCK) * BLOCK : BLOCK;
  const end = offset + size;
  if (kind === 0 || end > bytes.length) return undefined;
  if (!known && crc32(bytes.subarray(offset + 4, end)) !== bytes.readUInt32BE(offset)) return undefined;
  const block = {
    kind,
    flag: bytes[offset + 5]!,
    at: bytes.readDoubleBE(offset + 6),
    a: bytes.readUIntBE(offset + 14, 6),
    b,
    c: bytes.readUInt32BE(offset + 24),
    d: bytes.readUInt32BE(offset + 28),
    offset,
    end,
  };
  return kind === KIND.text ? { ...block, text: bytes.toString('utf8', offset + BLOCK, offset + BLOCK + b) } : block;
}
