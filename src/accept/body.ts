/**
 * Collects what follows DATA, chunk by chunk and without copying, and judges line ends on the way.
 *
 * Stored mail has CRLF and nothing else between lines. A bare CR or LF is noticed and the message refused, so that no
 * receiver can be made to see an end of data where we saw none ("SMTP smuggling"), and no signature breaks on the way.
 * What is refused is not kept in memory.
 */
import { isAscii } from 'node:buffer';
import { hasWholeLines } from '../kernel/lines.js';
import { SmtpRefusal } from './ports.js';

const LF = 10;
const CR = 13;

/** Bytes of messages being received at this moment, over all connections. */
export interface Budget {
  used: number;
  readonly most: number;
}

export type Spoilt = 'line-ends' | 'line-length' | 'memory' | 'nul' | 'size';

export class Body {
  chunks: Buffer[] = [];
  bytes = 0;
  /** A byte above 127 was seen. */
  eightBit = false;
  spoilt: Spoilt | undefined;
  #last = 0;
  #held = 0;
  /** Octets of the line under way, in the chunks before this one. */
  #line = 0;

  /** `maxLine`: octets of a line without its CRLF. */
  constructor(
    private readonly budget: Budget,
    private readonly maxSize: number,
    private readonly maxLine = Infinity,
  ) {}

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.spoilt) return;
    if (this.bytes > this.maxSize) return this.#spoil('size');
    if (this.budget.used + chunk.length > this.budget.most) return this.#spoil('memory');
    this.budget.used += chunk.length;
    this.#held += chunk.length;
    this.chunks.push(chunk);
    if (!this.#linesEndWell(chunk)) return this.#spoil('line-ends');
    // RFC 5322 §2.3 and RFC 2045 §2.8: no message has them, and what a receiver makes of them is anybody's guess.
    if (chunk.includes(0)) return this.#spoil('nul');
    if (this.maxLine !== Infinity && this.#hasLongLine(chunk)) this.#spoil('line-length');
  }

  /** No more bytes will come. */
  end(): void {
    if (this.#last === CR && !this.spoilt) this.#spoil('line-ends');
  }

  /** Gives its memory back. Safe to call twice. */
  release(): void {
    this.budget.used -= this.#held;
    this.#held = 0;
    this.chunks = [];
  }

  #spoil(why: Spoilt): void {
    this.spoilt = why;
    this.release();
  }

  #hasLongLine(chunk: Buffer): boolean {
    let start = 0;
    for (let lf = chunk.indexOf(LF); lf >= 0; lf = chunk.indexOf(LF, start)) {
      if (this.#line + lf - start - 1 > this.maxLine) return true;
      this.#line = 0;
      start = lf + 1;
    }
    this.#line += chunk.length - start;
    // A CR may be the last octet yet.
    return this.#line > this.maxLine + 1;
  }

  /** Every LF has its CR and every CR its LF, across chunks too. */
  #linesEndWell(chunk: Buffer): boolean {
    if (!hasWholeLines(chunk, this.#last)) return false;
    if (!this.eightBit && !isAscii(chunk)) this.eightBit = true;
    this.#last = chunk[chunk.length - 1] ?? this.#last;
    return true;
  }
}

/** Throws SmtpRefusal when the body is not fit to be kept. */
export function assertSound({ spoilt }: Pick<Body, 'spoilt'>): void {
  if (spoilt) throw new SmtpRefusal(...REFUSALS[spoilt]);
}

const REFUSALS: Readonly<Record<Spoilt, ConstructorParameters<typeof SmtpRefusal>>> = {
  size: [552, '5.3.4', 'Message exceeds the size limit'],
  memory: [452, '4.3.1', 'Too much mail is arriving at once, try again later'],
  'line-ends': [550, '5.6.0', 'Bare CR or LF in the message: lines must end in CRLF'],
  nul: [550, '5.6.0', 'NUL in the message'],
  'line-length': [550, '5.6.0', 'A line of the message is longer than the limit'],
};

/**
 * Joins chunks until `enough` says so or `most` bytes are reached; returns the joined block and the chunks left over. The
 * usual message has its header in its first chunk, and nothing is copied.
 */
export function joinedFront(
  chunks: readonly Buffer[],
  most: number,
  enough: (block: Buffer) => boolean,
): { block: Buffer; rest: Buffer[] } {
  let block = chunks[0] ?? Buffer.alloc(0);
  let next = 1;
  while (next < chunks.length && block.length < most && !enough(block)) {
    const until = block.length * 2;
    const parts = [block];
    let size = block.length;
    do {
      const part = chunks[next++];
      if (!part) break;
      parts.push(part);
      size += part.length;
    } while (size < until);
    block = Buffer.concat(parts, size);
  }
  return { block, rest: chunks.slice(next) };
}
