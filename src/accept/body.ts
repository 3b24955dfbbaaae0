/**
 * Collects what follows DATA, chunk by chunk and without copying, and judges line ends on the way.
 *
 * Stored mail has CRLF and nothing else between lines. A bare CR or LF is noticed and the message refused, so that no
 * receiver can be made to see an end of data where we saw none ("SMTP smuggling"), and no signature breaks on the way.
 * What is refused is not kept in memory.
 */
import { isAscii } from 'node:buffer';
import { hasWholeLines } from '../kernel/lines.js';

const CR = 13;

/** Bytes of messages being received at this moment, over all connections. */
export interface Budget {
  used: number;
  readonly most: number;
}

export type Spoilt = 'line-ends' | 'memory' | 'size';

export class Body {
  chunks: Buffer[] = [];
  bytes = 0;
  /** A byte above 127 was seen. */
  eightBit = false;
  spoilt: Spoilt | undefined;
  #last = 0;
  #held = 0;

  constructor(
    private readonly budget: Budget,
    private readonly maxSize: number,
  ) {}

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.spoilt) return;
    if (this.bytes > this.maxSize) return this.#spoil('size');
    if (this.budget.used + chunk.length > this.budget.most) return this.#spoil('memory');
    this.budget.used += chunk.length;
    this.#held += chunk.length;
    this.chunks.push(chunk);
    if (!this.#linesEndWell(chunk)) this.#spoil('line-ends');
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

  /** Every LF has its CR and every CR its LF, across chunks too. */
  #linesEndWell(chunk: Buffer): boolean {
    if (!hasWholeLines(chunk, this.#last)) return false;
    if (!this.eightBit && !isAscii(chunk)) this.eightBit = true;
    this.#last = chunk[chunk.length - 1] ?? this.#last;
    return true;
  }
}

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
