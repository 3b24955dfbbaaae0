/**
 * The queues of a spool by id and by name. A queue is made with its first recipient and dropped when it has been empty for a
 * while; ids are never used twice, so a queue that comes back is a new one.
 */
import type { WarmUpWish } from '../kernel/settings.js';
import { MINUTE, type Instant } from '../kernel/units.js';
import { MemoryQueue, type Shelf } from './queue.js';

/** An empty queue is kept this long: most domains get mail again soon. */
const KEEP_EMPTY = 10 * MINUTE;
const SWEEP_EVERY = MINUTE;
const SWEEP_AT_MOST = 1_000;

export class Queues {
  readonly #byId = new Map<number, MemoryQueue>();
  readonly #byName = new Map<string, Map<string, MemoryQueue>>();
  /** Since when they are empty, longest first. */
  readonly #vacant = new Map<MemoryQueue, Instant>();
  readonly #shelf: Shelf;
  readonly #nextId: () => number;
  #swept: Instant = 0;

  constructor(shelf: Shelf, nextId: () => number) {
    this.#shelf = shelf;
    this.#nextId = nextId;
  }

  all(): Iterable<MemoryQueue> {
    return this.#byId.values();
  }

  get(id: number): MemoryQueue | undefined {
    return this.#byId.get(id);
  }

  find(pool: string, domain: string, warmUp: WarmUpWish): MemoryQueue | undefined {
    return this.#byName.get(`${warmUp} ${pool}`)?.get(domain);
  }

  findOrMake(pool: string, domain: string, warmUp: WarmUpWish): MemoryQueue {
    const found = this.find(pool, domain, warmUp);
    if (found) return found;
    const queue = new MemoryQueue(this.#nextId(), pool, domain, warmUp, this.#shelf);
    this.add(queue);
    return queue;
  }

  add(queue: MemoryQueue): void {
    const name = `${queue.warmUp} ${queue.pool}`;
    let domains = this.#byName.get(name);
    if (!domains) this.#byName.set(name, (domains = new Map()));
    domains.set(queue.domain, queue);
    this.#byId.set(queue.id, queue);
  }

  vacated(queue: MemoryQueue, now: Instant): void {
    this.#vacant.delete(queue);
    this.#vacant.set(queue, now);
  }

  /** Forgets queues that have been empty for long, a bounded number at a time, and returns them. */
  retire(now: Instant): readonly MemoryQueue[] {
    if (this.#vacant.size === 0 || now < this.#swept + SWEEP_EVERY) return [];
    const gone: MemoryQueue[] = [];
    for (const [queue, since] of this.#vacant) {
      if (since > now - KEEP_EMPTY) break;
      if (gone.length === SWEEP_AT_MOST) return gone;
      this.#vacant.delete(queue);
      if (queue.waiting > 0 || queue.held > 0) continue;
      this.#byId.delete(queue.id);
      this.#byName.get(`${queue.warmUp} ${queue.pool}`)?.delete(queue.domain);
      gone.push(queue);
    }
    this.#swept = now;
    return gone;
  }
}
