/**
 * Jobs as operators see them: what waits of each, and which a person has paused. Pure but for reading the spool's queues.
 *
 * A job is known while mail of it waits, or while it is paused: one may be paused before its first message comes.
 */
import type { JobView } from '../control/view.js';
import type { Iso } from '../control/views.js';
import type { Governor } from '../kernel/governor.js';
import { globMatches, printable } from '../kernel/text.js';
import type { Store } from '../spool/store.js';

/** How a target names a job. */
export const JOB = 'job:';

export interface JobParts {
  readonly store: Pick<Store, 'queues'>;
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
  const names = new Set(governor.pausedNames('job'));
  for (const queue of store.queues()) if (queue.job !== '' && queue.waiting > 0) names.add(queue.job);
  const known = [...names].filter(name => globMatches(pattern, name));
  return known.length === 0 && pattern !== '' && !/[*?]/.test(pattern) ? [pattern] : known;
}
