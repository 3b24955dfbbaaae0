/**
 * Places for connections that lanes share: those of a source, and those of all. Knows who holds some, and when there is none
 * left: thousands of lanes may wait for the next one, and one answer is enough for all of them.
 */
import type { Lane } from './lane.js';

/** Stands for the limit of all sources together. */
const ALL = '';

export class Places {
  readonly #holders = new Map<string, Set<Lane>>();
  readonly #full = new Set<string>();

  /** The lane has a connection. */
  held(lane: Lane): void {
    let lanes = this.#holders.get(lane.source);
    if (!lanes) this.#holders.set(lane.source, (lanes = new Set()));
    lanes.add(lane);
  }

  /** The lane has none any more. */
  left(lane: Lane): void {
    const lanes = this.#holders.get(lane.source);
    lanes?.delete(lane);
    if (lanes?.size === 0) this.#holders.delete(lane.source);
  }

  /** Lanes with connections, of a source or all. */
  *holders(source?: string): Iterable<Lane> {
    if (source !== undefined) yield* this.#holders.get(source) ?? [];
    else for (const lanes of this.#holders.values()) yield* lanes;
  }

  /** A lane was refused because of the limit of its source, or of all. */
  full(source: string = ALL): void {
    this.#full.add(source);
  }

  /** Would any lane of the source be refused? */
  areFull(source: string): boolean {
    return this.#full.has(source) || this.#full.has(ALL);
  }

  /** A place may be free again: of a source, or nobody knows where. */
  freed(source?: string): void {
    if (source === undefined) return this.#full.clear();
    this.#full.delete(source);
    this.#full.delete(ALL);
  }
}
