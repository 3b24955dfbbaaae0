/**
 * What people name to pause or resume: a source, a provider, a lane source/provider, a queue domain@pool, a job as job:NAME,
 * or several of them with globs.
 */
import { Refusal } from '../control/operations.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Governor, PauseTarget } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { globMatches } from '../kernel/text.js';
import type { Store } from '../spool/store.js';
import { JOB, jobsNamed } from './jobs.js';
import type { Mailroom } from './mailroom.js';

export interface TargetParts {
  readonly settings: () => Settings;
  readonly governor: Pick<Governor, 'lanes' | 'paused' | 'pausedNames'>;
  readonly dispatcher: Pick<Dispatcher, 'lanes'>;
  readonly store: Pick<Store, 'queues' | 'sharedJobs'>;
  readonly mailroom: Pick<Mailroom, 'names'>;
}

/**
 * What exists and what is paused, also where nothing of it is left: who paused it must be able to resume it. Throws Refusal
 * when there is nothing of that name.
 */
export function targetsNamed(target: string, parts: TargetParts): PauseTarget[] {
  const list = named(target, parts);
  if (list.length > 0) return list;
  throw new Refusal(
    `nothing is called ${target}: name a source, a provider, a lane source/provider, a queue domain@pool or a job as job:NAME`,
  );
}

/** As it is written on a command line. */
export const nameAsGiven = ({ kind, name }: PauseTarget): string => (kind === 'job' ? `${JOB}${name}` : name);

function named(target: string, parts: TargetParts): PauseTarget[] {
  const { settings, governor, mailroom } = parts;
  if (target.startsWith(JOB)) return jobsNamed(target.slice(JOB.length), parts).map(name => ({ kind: 'job', name }));
  const kinds = mailroom.names(governor, parts.dispatcher);
  const among = (kind: PauseTarget['kind'], names: Iterable<string>): PauseTarget[] =>
    [...new Set([...names, ...governor.pausedNames(kind)])].filter(name => globMatches(target, name)).map(name => ({ kind, name }));
  if (target.includes('@')) {
    const known = among('queue', kinds.queues);
    // A queue may be paused before its first message.
    if (known.length > 0 || /[*?]/.test(target) || !settings().pools.has(target.slice(target.lastIndexOf('@') + 1))) return known;
    return [{ kind: 'queue', name: target }];
  }
  if (target.includes('/')) {
    const known = among('lane', kinds.lanes);
    // So may a lane.
    const [source = '', provider = ''] = target.split('/');
    if (known.length > 0 || !settings().sources.has(source) || !settings().providers.has(provider)) return known;
    return [{ kind: 'lane', name: target }];
  }
  return [...among('source', settings().sources.keys()), ...among('provider', kinds.providers)];
}
