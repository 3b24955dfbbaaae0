/**
 * Shared memory for the histories of all lanes: blocks of 32-bit words out of large typed arrays.
 *
 * A block's size is a power of two, so a freed block fits the next history of that size. Blocks never move and never
 * straddle chunks. Nothing is ever given back to the process: the peak stays, which for limits is small.
 */

/** Words in a chunk (128 KB). */
const CHUNK = 1 << 15;
/** The largest block: 2^10 words. */
export const MAX_ORDER = 10;

export class Slabs {
  readonly #chunks: Uint32Array[] = [];
  readonly #free: number[][] = Array.from({ length: MAX_ORDER + 1 }, () => []);
  #top = 0;

  /** A block of 2^order words; its content is arbitrary. */
  take(order: number): number {
    const freed = this.#free[order]?.pop();
    if (freed !== undefined) return freed;
    const size = 1 << order;
    if (this.#chunks.length === 0 || (this.#top % CHUNK) + size > CHUNK || this.#top === this.#chunks.length * CHUNK) {
      this.#top = this.#chunks.length * CHUNK;
      this.#chunks.push(new Uint32Array(CHUNK));
    }
    const block = this.#top;
    this.#top += size;
    return block;
  }

  release(block: number, order: number): void {
    this.#free[order]?.push(block);
  }

  /** The chunk a block lies in; the block begins at `offset(block)`. */
  chunk(block: number): Uint32Array {
    return this.#chunks[Math.floor(block / CHUNK)] as Uint32Array;
  }

  offset(block: number): number {
    return block % CHUNK;
  }
}
