/**
 * Jobs whose mail went into queues that others share, because there were too many queues of jobs: pausing them by job would
 * not stop it. Known for as long as anything waits in such a queue, over a restart too: a row for each job and queue, written
 * in the transaction of the mail.
 */
import { crc32 } from 'node:zlib';
import type { Queue } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import { readU32, u32Key } from './small-rows.js';
import type { Tables } from './tables.js';

/** Pairs of job and queue remembered. Of further jobs it is known only which queues they went to. */
const MOST_PAIRS = 1_000_000;

/** What is asked of a queue here; `held` covers commits under way. */
type Holding = Queue & { readonly held: number };

export class SharedJobs {
  readonly #byName = new Map<string, Set<Holding>>();
  readonly #nameless = new Set<Holding>();
  readonly #write: (row: SideRow) => void;
  readonly #mostPairs: number;
  #pairs = 0;

  /** `write`: a row for the next commit. */
  constructor(write: (row: SideRow) => void = () => undefined, mostPairs = MOST_PAIRS) {
    this.#write = write;
    this.#mostPairs = mostPairs;
  }

  note(job: string, queue: Holding): void {
    if (this.#byName.get(job)?.has(queue) || this.#nameless.has(queue)) return;
    const name = this.#pairs < this.#mostPairs ? job : undefined;
    this.#add(name, queue);
    this.#write(sharedRow(name, queue.id, true));
  }

  /** At the start: what the last process knew of queues that still are. */
  restore(tables: Tables, queueOf: (id: number) => Holding | undefined): void {
    const over: Uint8Array[] = [];
    for (const { key, value } of tables.shared.getRange({})) {
      const queue = queueOf(readU32(key));
      if (queue) this.#add(value.length > 0 ? Buffer.from(value).toString() : undefined, queue);
      else over.push(key);
    }
    if (over.length === 0) return;
    tables.root.transactionSync(() => {
      for (const key of over) void tables.shared.remove(key);
    });
  }

  /** Jobs remembered by name. */
  names(): string[] {
    this.prune();
    return [...this.#byName.keys()];
  }

  /** Shared queues in which mail of this job may wait. */
  queuesOf(job: string): readonly Queue[] {
    return [...new Set([...(this.#byName.get(job) ?? []), ...this.#nameless])].filter(queue => !isEmpty(queue));
  }

  /** Forgets queues that are empty. */
  prune(): void {
    for (const [job, queues] of this.#byName) {
      this.#pairs -= this.#dropEmpty(job, queues);
      if (queues.size === 0) this.#byName.delete(job);
    }
    this.#dropEmpty(undefined, this.#nameless);
  }

  #add(job: string | undefined, queue: Holding): void {
    if (job === undefined) return void this.#nameless.add(queue);
    const queues = this.#byName.get(job);
    if (queues) queues.add(queue);
    else this.#byName.set(job, new Set([queue]));
    this.#pairs++;
  }

  #dropEmpty(job: string | undefined, queues: Set<Holding>): number {
    let dropped = 0;
    for (const queue of queues) {
      if (!isEmpty(queue)) continue;
      queues.delete(queue);
      dropped++;
      this.#write(sharedRow(job, queue.id, false));
    }
    return dropped;
  }
}

const isEmpty = (queue: Holding): boolean => queue.waiting === 0 && queue.held === 0;

/** Key: the queue, then the job; names may be long, a checksum stands for the rest. Value: the job; empty when it is any. */
function sharedRow(job: string | undefined, queue: number, shared: boolean): SideRow {
  const name = Buffer.from((job ?? '').slice(0, 300));
  const key = Buffer.alloc(8 + name.length);
  u32Key(key, queue);
  key.writeUInt32BE(crc32(job ?? ''), 4);
  name.copy(key, 8);
  return { table: 'shared', key, value: shared ? Buffer.from(job ?? '') : null };
}
