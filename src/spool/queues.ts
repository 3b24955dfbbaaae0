/**
 * The queues of a spool by id and by name. A queue is made with its first recipient and dropped when it has been empty for a
 * while; ids are never used twice, so a queue that comes back is a new one.
 *
 * A job has queues of its own, so that one that is paused stands in nobody's way. Whoever names a job for every message gets
 * no queue for every message: beyond MOST_OF_JOBS a job without queues shares the one of mail without a job, unless a person
 * has paused it.
 */
import type { QueueKind } from '../kernel/queue.js';
import { MINUTE, type Instant } from '../kernel/units.js';
import { MemoryQueue, type Shelf } from './queue.js';
import { SharedJobs } from './shared-jobs.js';

/** An empty queue is kept this long: most domains get mail again soon. */
const KEEP_EMPTY = 10 * MINUTE;
const SWEEP_EVERY = MINUTE;
const SWEEP_AT_MOST = 1_000;
/** Queues of jobs, all together. A queue costs about a kilobyte of memory. */
const MOST_OF_JOBS = 100_000;

/** What queues of jobs ask of the daemon, and tell it. */
export interface JobQueues {
  /** Has a person stopped this job? Then its mail shares no queue, however many there are. */
  paused(job: string): boolean;
  /** Said once: from now on jobs share queues. */
  full(most: number): void;
}

/** Priority normal and no job unless said. */
type QueueName = Pick<QueueKind, 'pool' | 'domain' | 'warmUp'> & { readonly [K in 'priority' | 'job']?: QueueKind[K] | undefined };

const groupOf = ({ pool, warmUp, priority = 'normal', job = '' }: QueueName): string => `${warmUp} ${priority} ${pool}\n${job}`;

export class Queues {
  readonly shared: SharedJobs;
  readonly #byId = new Map<number, MemoryQueue>();
  readonly #byName = new Map<string, Map<string, MemoryQueue>>();
  /** Since when they are empty, longest first. */
  readonly #vacant = new Map<MemoryQueue, Instant>();
  readonly #shelf: Shelf;
  readonly #nextId: () => number;
  readonly #jobs: JobQueues | undefined;
  readonly #mostOfJobs: number;
  #ofJobs = 0;
  #wasFull = false;
  #swept: Instant = 0;

  constructor(shelf: Shelf, nextId: () => number, jobs?: JobQueues, mostOfJobs = MOST_OF_JOBS, shared = new SharedJobs()) {
    this.shared = shared;
    this.#shelf = shelf;
    this.#nextId = nextId;
    this.#jobs = jobs;
    this.#mostOfJobs = mostOfJobs;
  }

  all(): Iterable<MemoryQueue> {
    return this.#byId.values();
  }

  get(id: number): MemoryQueue | undefined {
    return this.#byId.get(id);
  }

  findOrMake(name: QueueName): MemoryQueue {
    const found = this.#byName.get(groupOf(name))?.get(name.domain);
    if (found) return found;
    const { pool, domain, warmUp, priority, job } = name;
    if (job && this.#ofJobs >= this.#mostOfJobs && !this.#jobs?.paused(job)) {
      if (!this.#wasFull) this.#jobs?.full(this.#mostOfJobs);
      this.#wasFull = true;
      const shared = this.findOrMake({ pool, domain, warmUp, priority });
      this.shared.note(job, shared);
      return shared;
    }
    const queue = new MemoryQueue(this.#nextId(), pool, domain, warmUp, this.#shelf, priority, job);
    this.add(queue);
    return queue;
  }

  add(queue: MemoryQueue): void {
    const name = groupOf(queue);
    let domains = this.#byName.get(name);
    if (!domains) this.#byName.set(name, (domains = new Map()));
    domains.set(queue.domain, queue);
    this.#byId.set(queue.id, queue);
    if (queue.job !== '') this.#ofJobs++;
  }

  vacated(queue: MemoryQueue, now: Instant): void {
    this.#vacant.delete(queue);
    this.#vacant.set(queue, now);
  }

  /** Forgets queues that have been empty for long, a bounded number at a time, and returns them. */
  retire(now: Instant): readonly MemoryQueue[] {
    if (this.#vacant.size === 0 || now < this.#swept + SWEEP_EVERY) return [];
    this.shared.prune();
    const gone: MemoryQueue[] = [];
    for (const [queue, since] of this.#vacant) {
      if (since > now - KEEP_EMPTY) break;
      if (gone.length === SWEEP_AT_MOST) return gone;
      this.#vacant.delete(queue);
      if (queue.waiting > 0 || queue.held > 0) continue;
      this.#byId.delete(queue.id);
      const name = groupOf(queue);
      const domains = this.#byName.get(name);
      domains?.delete(queue.domain);
      if (domains?.size === 0) this.#byName.delete(name);
      if (queue.job !== '') this.#ofJobs--;
      gone.push(queue);
    }
    this.#swept = now;
    return gone;
  }
}
