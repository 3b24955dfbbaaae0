/**
 * Copies stragglers forward: when sealed segments hold mostly mail that has left, the few bodies still wanted go to the
 * segment being written, so that one message deferred for days does not keep 64 MB.
 *
 * A row that moves is in flight meanwhile: nobody delivers it from under the copy. A row that somebody else has is left for
 * the next pass. Never works on more than a chunk of rows at a time, and never drops a body it could not read.
 */
import { rowId, type SpoolRow } from './row.js';
import { DamagedBody } from './record.js';
import { allRows } from './scan.js';
import type { MemoryQueue } from './queue.js';
import type { Segments } from './segments.js';
import type { SegmentUse } from './small-rows.js';
import type { Tables } from './tables.js';

/** A segment is worth copying from when at most this share of it is wanted. */
const WANTED = 0.25;
/** A pass reads every row once: it runs when it frees this share of all bytes, and at least this many segments' worth. */
const WORTH = 0.25;
const WORTH_SEGMENTS = 4;

export interface CompactorParts {
  readonly tables: Tables;
  readonly segments: Segments;
  readonly uses: ReadonlyMap<number, SegmentUse>;
  readonly segmentBytes: number;
  queue(id: number): MemoryQueue | undefined;
  /** Resolves when the bytes are in the current segment and the rows point at them. */
  move(bytes: Buffer, taken: readonly Taken[]): Promise<void>;
}

export interface Taken {
  readonly queue: MemoryQueue;
  readonly row: SpoolRow;
}

export class Compactor {
  readonly #parts: CompactorParts;
  #running: Promise<number> | undefined;
  #stopped = false;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  /** Segments mostly dead, if a pass over them is worth its while. */
  victims(): ReadonlySet<number> {
    const { segments, uses, segmentBytes } = this.#parts;
    const victims = new Set<number>();
    let all = 0;
    let freed = 0;
    for (const [segment, use] of uses) {
      if (segment === segments.current || use.live === 0) continue;
      const size = segments.size(segment);
      all += size;
      if (use.bytes > size * WANTED) continue;
      victims.add(segment);
      freed += size - use.bytes;
    }
    return freed >= Math.max(all * WORTH, WORTH_SEGMENTS * segmentBytes) ? victims : new Set();
  }

  /** One pass, if it is worth it and none runs; resolves to the recipients moved. */
  run(): Promise<number> {
    if (this.#running || this.#stopped) return this.#running ?? Promise.resolve(0);
    const victims = this.victims();
    if (victims.size === 0) return Promise.resolve(0);
    this.#running = this.#pass(victims).finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Ends the pass after its chunk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  async #pass(victims: ReadonlySet<number>): Promise<number> {
    let moved = 0;
    for await (const chunk of allRows(this.#parts.tables)) {
      if (this.#stopped) break;
      const messages = new Map<string, Taken[]>();
      for (const { key, row } of chunk) {
        if (!victims.has(row.body.segment)) continue;
        const queue = this.#parts.queue(key.queue);
        if (!queue?.take(row)) continue;
        const name = `${row.body.segment} ${row.body.offset}`;
        const taken = messages.get(name);
        if (taken) taken.push({ queue, row });
        else messages.set(name, [{ queue, row }]);
      }
      for (const taken of messages.values()) moved += await this.#copy(taken);
    }
    return moved;
  }

  async #copy(taken: readonly Taken[]): Promise<number> {
    try {
      await this.#parts.move(await this.#parts.segments.read(taken[0]!.row.body), taken);
      return taken.length;
    } catch (error) {
      if (!(error instanceof DamagedBody)) throw error;
      for (const { queue, row } of taken) if (queue.isHeld(rowId(row))) queue.giveBack(row);
      return 0;
    }
  }
}
