/**
 * Bodies accepted a moment ago, so that most mail leaves without being read from the disk: at most `limit` bytes of content,
 * the oldest go first. Never the only copy: what is here is durable in its segment.
 */
import type { BodyRef, Envelope } from '../kernel/message.js';

export interface CachedBody {
  readonly envelope: Envelope;
  content: readonly Buffer[];
}

/** One number for a place: segments are at most 128 MB (2^27), so 2^26 of them fit a safe integer. */
const keyOf = (ref: BodyRef): number => ref.segment * 2 ** 27 + ref.offset;

export class BodyCache {
  readonly #bodies = new Map<number, CachedBody>();
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(ref: BodyRef, body: CachedBody): void {
    if (ref.length > this.#limit) return;
    this.drop(ref);
    body.content = body.content.map(compact);
    this.#bodies.set(keyOf(ref), body);
    this.#bytes += sizeOf(body);
    if (this.#bytes <= this.#limit) return;
    for (const [key, old] of this.#bodies) {
      this.#bodies.delete(key);
      this.#bytes -= sizeOf(old);
      if (this.#bytes <= this.#limit) return;
    }
  }

  get(ref: BodyRef): Readonly<CachedBody> | undefined {
    return this.#bodies.get(keyOf(ref));
  }

  drop(ref: BodyRef): void {
    const body = this.#bodies.get(keyOf(ref));
    if (!body) return;
    this.#bodies.delete(keyOf(ref));
    this.#bytes -= sizeOf(body);
  }
}

/** A small part of a large block would keep all of the block: it is copied out. */
function compact(part: Buffer): Buffer {
  return part.buffer.byteLength > 2 * part.length + Buffer.poolSize ? Buffer.from(part) : part;
}

function sizeOf(body: CachedBody): number {
  let bytes = 0;
  for (const part of body.content) bytes += part.length;
  return bytes;
}
