/**
 * Reasons as sentences: the one wording the commands, the UI and the logs use for why something waits.
 *
 * Pure; knows only the view types and the kernel. The sentence names the limit, its value, what is used and where it
 * comes from. It never holds the reply or the end: callers place those where they have room.
 */
import { printable } from '../kernel/text.js';
import type { ReasonView, SndsView } from './view.js';

/** What is used of a limit, by directive. `{n}` is the number used. */
const USED: Readonly<Record<string, (n: string) => string>> = {
  'max-msg-per-hour': n => `${n} used in the last hour`,
  'max-msg-per-day': n => `${n} used since the last tick`,
  'max-msg-rate': n => `${n} used in its period`,
  'max-connect-rate': n => `${n} connections attempted in its period`,
  'max-smtp-out': n => `${n} ${n === '1' ? 'connection' : 'connections'} open`,
  'max-msg-per-connection': n => `${n} sent on this connection`,
  concurrency: n => `${n} ${n === '1' ? 'connection' : 'connections'} open`,
};

/** Causes that are not a limit reached. */
const CAUSES: Readonly<Record<string, (reason: ReasonView) => string>> = {
  paused: () => 'paused by a person',
  suspended: ({ window }) => `suspended: nothing leaves this way${window === undefined ? '' : `, window ${window}`}`,
  held: () => 'the stage is held',
  pacing: ({ value, window }) =>
    `paced: departures are spread evenly over the hour${value === null ? '' : `, ${numberText(value)}/h`}${window === undefined ? '' : `, window ${window}`}`,
  window: ({ window }) => (window === undefined ? 'slowed down after a reply' : `window ${window} is open: nothing leaves until it ends`),
  'schedule-start': () => 'the warm-up has not started yet',
  'retry-after': ({ used }) =>
    `its next attempt is not due yet${used ? `: ${used === 1 ? 'one was' : `${numberText(used)} attempts were`} deferred` : ''}`,
  route: ({ from }) => from || 'it has no route',
  'mx-hosts': () => 'its MX hosts could not be used',
  'cold-wait': () => 'left to the cold sources of its pool, which have slots for it within cold-wait',
  'sticky-for': () => 'it goes back to the source that greylisted it',
  'unknown-source': () => 'the source is not configured any more',
};

/** `1 line`, `2,000 lines` */
export const counted = (n: number, one: string, many = `${one}s`): string => `${numberText(n)} ${n === 1 ? one : many}`;

/** Whole numbers in groups of three, others with at most two decimals: `12,345`, `0.5`. */
export function numberText(n: number): string {
  if (!Number.isFinite(n)) return 'unlimited';
  const [whole = '', part] = String(Math.round(n * 100) / 100).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return part ? `${grouped}.${part}` : grouped;
}

/** `max-msg-per-hour 412 reached: 412 used in the last hour (schedules/four-weeks.yaml:9:3)`. Printable, one line. */
export function reasonText(reason: ReasonView): string {
  const { limit, value, used, window } = reason;
  const cause = CAUSES[limit];
  let text: string;
  if (cause !== undefined) text = cause(reason);
  else if (limit === 'concurrency' && reason.until !== null) text = 'resting after failed connections or refusals';
  else {
    const name = window === undefined ? limit : `window ${window}'s ${limit}`;
    if (value === null) text = name;
    else if (value === 0) text = `${name} is none: nothing may leave`;
    else {
      const reached = used !== null && used >= value ? ' reached' : '';
      text = `${name} ${numberText(value)}${reached}`;
      if (used !== null) text += `: ${(USED[limit] ?? (n => `${n} used`))(numberText(used))}`;
    }
  }
  const from =
    reason.from === '' || limit === 'route' || (window !== undefined && reason.from === `window ${window}`) ? '' : ` (${reason.from})`;
  return printable(text + from);
}

/** `SNDS to 2026-11-19 20:00: RED, complaint rate 0.4%, 3 trap hits, 12,345 recipients` */
export function sndsText({ until, filter, complaintRate, trapHits, recipients }: SndsView): string {
  const rate = complaintRate === '' ? 'not said' : complaintRate;
  return `SNDS to ${until}: ${filter}, complaint rate ${rate}, ${counted(trapHits, 'trap hit')}, ${counted(recipients, 'recipient')}`;
}

/** Of mail that waits on a lane whose limits let it go. */
export const waitingText = (waiting: number): string =>
  `${numberText(waiting)} wait for their turn, for a retry of their own, or are left to cold sources; why MESSAGE says which`;
