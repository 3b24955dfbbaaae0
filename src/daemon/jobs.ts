/**
 * Jobs as operators see them: what waits of each, and which a person has paused. Pure but for reading the spool's queues.
 *
 * A job is known while mail of it waits, or while it is paused: one may be paused before its first message comes.
 */
import { Refusal } from '../control/operations.js';
import type { JobView } from '../control/view.js';
import type { Iso } from '../control/views.js';
import type { Governor } from '../kernel/governor.js';
import { globMatches, printable } from '../kernel/text.js';
import type { Store } from '../spool/store.js';

/** How a target names a job. */
export const JOB = 'job:';
/** Queues a refusal names. */
const MOST_NAMED = 3;

/** As people name it: domain@pool. */
export const queueName = (queue: { readonly domain: string; readonly pool: string }): string => `${queue.domain}@${queue.pool}`;

export interface JobParts {
  readonly store: Pick<Store, 'queues' | 'sharedJobs'>;
  readonly governor: Pick<Governor, 'paused' | 'pausedNames'>;
}

/** Most waiting first. */
export function jobViews({ store, governor }: JobParts, iso: Iso): JobView[] {
  const found = new Map<string, { waiting: number; queues: number; due: number | null }>();
  for (const name of governor.pausedNames('job')) found.set(name, { waiting: 0, queues: 0, due: null });
  for (const queue of store.queues()) {
    if (queue.job === '' || queue.waiting === 0) continue;
    const job = found.get(queue.job) ?? { waiting: 0, queues: 0, due: null };
    job.waiting += queue.waiting;
    job.queues++;
    if (queue.nextDue !== null) job.due = job.due === null ? queue.nextDue : Math.min(job.due, queue.nextDue);
    found.set(queue.job, job);
  }
  return [...found]
    .map(([name, { waiting, queues, due }]) => {
      const paused = governor.paused({ kind: 'job', name });
      return {
        job: printable(name),
        waiting,
        queues,
        nextDue: due === null ? null : iso(due),
        paused: paused === undefined ? null : printable(paused.from),
      };
    })
    .sort((a, b) => b.waiting - a.waiting || (a.job < b.job ? -1 : 1));
}

/** Jobs that a pattern means. Without globs also one that is not known yet. */
export function jobsNamed(pattern: string, { store, governor }: JobParts): string[] {
  const names = new Set([...governor.pausedNames('job'), ...store.sharedJobs.names()]);
  for (const queue of store.queues()) if (queue.job !== '' && queue.waiting > 0) names.add(queue.job);
  const known = [...names].filter(name => globMatches(pattern, name));
  return known.length === 0 && pattern !== '' && !/[*?]/.test(pattern) ? [pattern] : known;
}

/** Throws Refusal when mail of one of these jobs waits where pausing the job would not stop it. */
export function assertPausable(jobs: readonly string[], { store }: Pick<JobParts, 'store'>): void {
  for (const job of jobs) {
    const queues = [...new Set(store.sharedJobs.queuesOf(job).map(queueName))];
    if (queues.length === 0) continue;
    const named = `${queues.slice(0, MOST_NAMED).join(', ')}${queues.length > MOST_NAMED ? ` and ${queues.length - MOST_NAMED} more` : ''}`;
    throw new Refusal(
      `job ${printable(job)} cannot be paused: mail of it may wait in queues it shares with others (${printable(named)}), because there were too many queues of jobs when it came; pause those queues instead`,
    );
  }
}
