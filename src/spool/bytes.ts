/**
 * Bytes written for LMDB and read from it. A slab is a block of memory many values are written into; LMDB's writer thread
 * reads from it until the commit is over, so slabs go back to the pool only then.
 *
 * Never reuses memory a commit may still read. The reader throws RangeError past the end instead of inventing values.
 */
const SLAB_BYTES = 256 * 1024;
const SPARE_SLABS = 4;

/** Upper bound of what string() writes for `text`. */
export const stringRoom = (text: string): number => 2 + text.length * 3;

/** Blocks no commit reads any more. */
const spare: Buffer[] = [];

export class Slab {
  #buffer = spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  #filled: Buffer[] = [];
  #position = 0;
  #start = 0;

  /** Starts a value of at most `room` bytes. */
  begin(room: number): void {
    if (this.#position + room > this.#buffer.length) {
      this.#filled.push(this.#buffer);
      this.#buffer = room > SLAB_BYTES ? Buffer.allocUnsafeSlow(room) : (spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES));
      this.#position = 0;
    }
    this.#start = this.#position;
  }

  /** Bytes written since begin(). */
  get length(): number {
    return this.#position - this.#start;
  }

  /** The value since begin(). */
  end(): Buffer {
    return this.#buffer.subarray(this.#start, this.#position);
  }

  u8(n: number): void {
    this.#buffer[this.#position++] = n;
  }

  u16(n: number): void {
    this.#buffer[this.#position++] = n >>> 8;
    this.#buffer[this.#position++] = n;
  }

  u32(n: number): void {
    this.#buffer[this.#position++] = n >>> 24;
    this.#buffer[this.#position++] = n >>> 16;
    this.#buffer[this.#position++] = n >>> 8;
    this.#buffer[this.#position++] = n;
  }

  /** Whole numbers below 2^48; a fraction is dropped. */
  u48(n: number): void {
    this.u16(Math.floor(n / 0x1_0000_0000));
    this.u32(n >>> 0);
  }

  /** At most 65,535 bytes of UTF-8. */
  string(text: string): void {
    const start = this.#position + 2;
    const bytes = this.#buffer.write(text, start);
    if (bytes > 65_535) throw new RangeError('a string longer than 65,535 bytes');
    this.#buffer[start - 2] = bytes >>> 8;
    this.#buffer[start - 1] = bytes;
    this.#position = start + bytes;
  }

  /** The commit is over: nobody reads this memory any more. */
  release(): void {
    this.#filled.push(this.#buffer);
    for (const buffer of this.#filled) if (buffer.length === SLAB_BYTES && spare.length < SPARE_SLABS) spare.push(buffer);
    this.#filled = [];
    this.#position = SLAB_BYTES;
    this.#buffer = Buffer.alloc(0);
  }
}

export class Reader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#position = position;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#position++);
  }

  u16(): number {
    this.#position += 2;
    return this.#bytes.readUInt16BE(this.#position - 2);
  }

  u32(): number {
    this.#position += 4;
    return this.#bytes.readUInt32BE(this.#position - 4);
  }

  u48(): number {
    this.#position += 6;
    return this.#bytes.readUIntBE(this.#position - 6, 6);
  }

  string(): string {
    const length = this.u16();
    const start = this.#position;
    this.#position += length;
    if (this.#position > this.#bytes.length) throw new RangeError('a string runs past the end');
    return this.#bytes.toString('utf8', start, this.#position);
  }
}
