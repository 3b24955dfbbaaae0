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

/** A run of this many bytes goes to the hash from where it stands: below, calling the hash costs more than copying. */
const WORTH_NO_COPY = 4_096;
/** Bytes looked through at once. */
const PIECE = 64 * 1024;
/** Up to here a loop copies faster than a call. */
const SHORT = 32;

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
    for (let at = 0; at < chunk.length; at += PIECE) this.#push(chunk.subarray(at, at + PIECE));
  }

  #push(chunk: Uint8Array): void {
    const nextChange = this.#relaxed ? changesOf(chunk) : () => chunk.length;
    for (let at = 0; at < chunk.length;) {
      const clean = this.#settled ? nextChange(at) : at;
      if (clean > at) this.#pass(chunk, at, clean);
      at = clean < chunk.length ? this.#byByte(chunk, clean) : clean;
    }
  }

  end(): void {
    if (this.#cr) this.#stays(CR);
    this.#cr = false;
    this.#blank = false;
    this.#ends = 0;
    // A body that does not end with a line end gets one; one of nothing but empty lines is empty when relaxed, CRLF when simple.
    if (!this.#empty || !this.#relaxed) this.#write(CRLF);
    this.#flush();
  }

  /** Nothing waits but line ends: the next byte means what it says. */
  get #settled(): boolean {
    return !this.#cr && !this.#blank;
  }

  /** Bytes that stay as they are; line ends at their end are held back. */
  #pass(chunk: Uint8Array, from: number, until: number): void {
    let to = until;
    const cr = chunk[to - 1] === CR;
    if (cr) to--;
    let ends = 0;
    while (to - 2 >= from && chunk[to - 1] === LF && chunk[to - 2] === CR) {
      to -= 2;
      ends++;
    }
    if (to > from) {
      this.#settle();
      this.#empty = false;
      this.#append(chunk, from, to);
    }
    this.#ends += ends;
    this.#cr = cr;
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length >= WORTH_NO_COPY) {
      this.#flush();
      this.#take(chunk.subarray(from, to));
      return;
    }
    if (this.#filled + length > scratch.length) this.#flush();
    if (length > SHORT) scratch.set(chunk.subarray(from, to), this.#filled);
    else for (let i = 0; i < length; i++) scratch[this.#filled + i] = chunk[from + i] as number;
    this.#filled += length;
  }

  /** One byte after the other, from one that may change until nothing waits. Returns where it stopped. */
  #byByte(chunk: Uint8Array, from: number): number {
    let i = from;
    do {
      const c = chunk[i] as number;
      if (this.#cr && c === LF) {
        this.#cr = this.#blank = false;
        this.#ends++;
      } else {
        if (this.#cr) this.#stays(CR);
        this.#cr = c === CR;
        if (this.#relaxed && (c === SPACE || c === TAB)) this.#blank = true;
        else if (c !== CR) this.#stays(c);
      }
      i++;
    } while (i < chunk.length && !this.#settled);
    return i;
  }

  #stays(c: number): void {
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

/** White space that is more than one blank between two words; at the end of a piece nobody knows yet. */
const CHANGES = / (?![^\0- ])|\t/g;

/**
 * Where, from a byte on, the bytes end that stay as they are when relaxed. Searched as text: a regular expression is
 * compiled for the search, while a loop over the bytes costs three to seven times as much wherever V8 inlines it badly.
 */
function changesOf(piece: Uint8Array): (from: number) => number {
  const text = Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
  return from => {
    CHANGES.lastIndex = from;
    return CHANGES.exec(text)?.index ?? piece.length;
  };
}
