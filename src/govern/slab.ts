/**
 * Shared memory for the histories of all lanes: blocks of 32-bit words out of large typed arrays.
 *
 * A block's size is a power of two. A block that is given back joins its neighbour when that is free too (the buddy system of
 * Knowlton, "A Fast Storage Allocator", 1965), so that what many small histories leave behind serves larger ones. Blocks never
 * move and never straddle chunks. Nothing is ever given back to the process: the peak stays, which for limits is small.
 */

/** 2^15 words (128 KB) in a chunk. */
const CHUNK_ORDER = 15;
const CHUNK = 1 << CHUNK_ORDER;
export const MIN_ORDER = 4;

interface Chunk {
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  /** For each smallest block: the order of the free block that begins there; 0 where none does. */
  readonly free: Uint8Array;
}

export class Slabs {
  readonly #chunks: Chunk[] = [];
  /** Blocks that were free when they were put here; `Chunk.free` says which still are. */
  readonly #spare: number[][] = Array.from({ length: CHUNK_ORDER + 1 }, () => []);

  /** A block of 2^order words; its content is arbitrary. */
  take(order: number): number {
    for (let larger = order; larger <= CHUNK_ORDER; larger++) {
      const block = this.#spareOf(larger);
      if (block < 0) continue;
      this.#mark(block, 0);
      for (let half = larger - 1; half >= order; half--) this.#offer(block + (1 << half), half);
      return block;
    }
    const buffer = new ArrayBuffer(4 * CHUNK);
    const free = new Uint8Array(CHUNK >> MIN_ORDER);
    this.#chunks.push({ words: new Uint32Array(buffer), doubles: new Float64Array(buffer), free });
    this.#offer((this.#chunks.length - 1) * CHUNK, CHUNK_ORDER);
    return this.take(order);
  }

  release(block: number, order: number): void {
    let [start, size] = [block, order];
    for (; size < CHUNK_ORDER; size++) {
      const buddy = start ^ (1 << size);
      if (this.#marked(buddy) !== size) break;
      this.#mark(buddy, 0);
      start = Math.min(start, buddy);
    }
    this.#offer(start, size);
  }

  /** The chunk a block lies in; the block begins at `offset(block)`. */
  chunk(block: number): Uint32Array {
    return (this.#chunks[block >>> CHUNK_ORDER] as Chunk).words;
  }

  /** The same memory as doubles; a block begins at half its offset. */
  doubles(block: number): Float64Array {
    return (this.#chunks[block >>> CHUNK_ORDER] as Chunk).doubles;
  }

  offset(block: number): number {
    return block & (CHUNK - 1);
  }

  /** Bytes held, in use or not. */
  get bytes(): number {
    return this.#chunks.length * 4 * CHUNK;
  }

  #spareOf(order: number): number {
    const list = this.#spare[order] as number[];
    for (let block = list.pop(); block !== undefined; block = list.pop()) if (this.#marked(block) === order) return block;
    return -1;
  }

  #offer(block: number, order: number): void {
    this.#mark(block, order);
    (this.#spare[order] as number[]).push(block);
  }

  #mark(block: number, order: number): void {
    (this.#chunks[block >>> CHUNK_ORDER] as Chunk).free[this.offset(block) >> MIN_ORDER] = order;
  }

  #marked(block: number): number {
    return (this.#chunks[block >>> CHUNK_ORDER] as Chunk).free[this.offset(block) >> MIN_ORDER] as number;
  }
}
