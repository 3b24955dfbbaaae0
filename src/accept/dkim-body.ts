/**
 * The body of a message in canonical form (RFC 6376 §3.4.3 simple, §3.4.4 relaxed), hashed as it passes.
 *
 * Takes the body in chunks cut anywhere and never holds more of it than one scratch buffer: what needs no change goes from the
 * chunk to the hash without a copy. The message itself is never changed.
 */
import { createHash } from 'node:crypto';
import type { Canonicalization } from '../kernel/settings.js';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const CRLF = Buffer.from('\r\n');

/** Shared by all messages: a body is canonicalised and hashed within one turn. */
const scratch = Buffer.allocUnsafe(32 * 1024);

/** SHA-256 of the canonical body, base64: the bh= tag. */
export function bodyHash(chunks: Iterable<Uint8Array>, form: Canonicalization): string {
  const hash = createHash('sha256');
  const canon = new CanonicalBody(form, bytes => hash.update(bytes));
  for (const chunk of chunks) canon.push(chunk);
  canon.end();
  return hash.digest('base64');
}

/** Hands the canonical body on piece by piece; a piece is valid only within the call it is handed on in. */
export class CanonicalBody {
  readonly #relaxed: boolean;
  readonly #take: (bytes: Uint8Array) => void;
  /** Line ends held back: at the end of the body all of them but one go. */
  #ends = 0;
  /** White space was seen and waits to be one blank, or nothing before a line end. */
  #blank = false;
  /** A CR was the last byte: a line end if LF follows, else a byte like others. */
  #cr = false;
  #empty = true;
  #filled = 0;

  constructor(form: Canonicalization, take: (bytes: Uint8Array) => void) {
    this.#relaxed = form === 'relaxed';
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    const plain = !this.#relaxed || (!chunk.includes(SPACE) && !chunk.includes(TAB));
    if (plain) this.#plain(chunk);
    else this.#byByte(chunk, 0, chunk.length);
  }

  end(): void {
    if (this.#cr) this.#pass(CR);
    this.#cr = false;
    this.#blank = false;
    this.#ends = 0;
    // A body that does not end with a line end gets one; one of nothing but empty lines is empty when relaxed, CRLF when simple.
    if (!this.#empty || !this.#relaxed) this.#write(CRLF);
    this.#flush();
  }

  /** A chunk in which nothing but line ends is of interest: those at its end are held back, the rest goes on as it is. */
  #plain(chunk: Uint8Array): void {
    let from = 0;
    // Whatever waits from before is settled by the first bytes.
    while (from < chunk.length && (this.#cr || this.#blank || chunk[from] === CR)) {
      this.#byByte(chunk, from, from + 1);
      from++;
    }
    if (from === chunk.length) return;
    let to = chunk.length;
    const cr = chunk[to - 1] === CR;
    if (cr) to--;
    let ends = 0;
    while (to - 2 >= from && chunk[to - 1] === LF && chunk[to - 2] === CR) {
      to -= 2;
      ends++;
    }
    if (to > from) {
      this.#settle();
      this.#flush();
      this.#empty = false;
      this.#take(chunk.subarray(from, to));
    }
    this.#ends += ends;
    this.#cr = cr;
  }

  #byByte(chunk: Uint8Array, from: number, to: number): void {
    const relaxed = this.#relaxed;
    for (let i = from; i < to; i++) {
      const c = chunk[i] as number;
      if (c > SPACE && !this.#cr && !this.#blank && this.#ends === 0 && this.#filled < scratch.length) {
        scratch[this.#filled++] = c;
        this.#empty = false;
      } else if (this.#cr) {
        this.#cr = false;
        if (c === LF) {
          this.#blank = false;
          this.#ends++;
        } else {
          this.#pass(CR);
          i--;
        }
      } else if (c === CR) this.#cr = true;
      else if (relaxed && (c === SPACE || c === TAB)) this.#blank = true;
      else this.#pass(c);
    }
  }

  /** A byte that stays. */
  #pass(c: number): void {
    this.#settle();
    this.#put(c);
    this.#empty = false;
  }

  /** What was held back turns out to stand inside the body. */
  #settle(): void {
    for (; this.#ends > 0; this.#ends--) this.#write(CRLF);
    if (this.#blank) this.#put(SPACE);
    this.#blank = false;
  }

  #write(bytes: Uint8Array): void {
    for (const c of bytes) this.#put(c);
  }

  #put(c: number): void {
    if (this.#filled === scratch.length) this.#flush();
    scratch[this.#filled++] = c;
  }

  #flush(): void {
    if (this.#filled > 0) this.#take(scratch.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
