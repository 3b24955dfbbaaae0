/**
 * Jobs whose mail went into queues that others share, because there were too many queues of jobs: pausing them by job would
 * not stop it. Known since the start, and for as long as anything waits in such a queue.
 */
import type { Queue } from '../kernel/queue.js';

/** Names remembered. Of further jobs it is known only which queues they went to. */
const MOST_NAMES = 100_000;

/** What is asked of a queue here; `held` covers commits under way. */
type Holding = Queue & { readonly held: number };

export class SharedJobs {
  readonly #byName = new Map<string, Set<Holding>>();
  readonly #nameless = new Set<Holding>();

  constructor(private readonly mostNames = MOST_NAMES) {}

  note(job: string, queue: Holding): void {
    const queues = this.#byName.get(job);
    if (queues) queues.add(queue);
    else if (this.#byName.size < this.mostNames) this.#byName.set(job, new Set([queue]));
    else this.#nameless.add(queue);
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
      dropEmpty(queues);
      if (queues.size === 0) this.#byName.delete(job);
    }
    dropEmpty(this.#nameless);
  }
}

function dropEmpty(queues: Set<Holding>): void {
  for (const queue of queues) if (isEmpty(queue)) queues.delete(queue);
}

const isEmpty = (queue: Holding): boolean => queue.waiting === 0 && queue.held === 0;
