/**
 * Who is told what when an attempt has ended: failures, delays that have reached a threshold, deliveries to hosts that will not
 * confirm them. Pure.
 *
 * A delay is told once for each threshold of `delay-after`, with the attempt that found the message late. Mail that waits for
 * our own limits alone is not late: no attempt ends, and so nobody is told.
 */
import type { RecipientState } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import { DELAY_AFTER, type Settings } from '../kernel/settings.js';
import type { Clock } from '../kernel/clock.js';
import type { Instant, Ms } from '../kernel/units.js';
import type { Fate } from './conclude.js';
import { type Ended, type Notice, noticeOf, wants } from './notices.js';
import type { End, Mail } from './ports.js';

const FAILURES: ReadonlySet<Fate> = new Set<Fate>(['bounced', 'expired', 'suppressed', 'deleted']);

export interface Telling {
  /** The receiver does not offer DSN. */
  readonly relayed?: boolean;
  /** Nobody is told. */
  readonly silent?: boolean;
}

export interface Told {
  /** In the order given; what a sender was told of delays stands in their states. */
  readonly ends: readonly End[];
  readonly notices: readonly Notice[];
}

/** `bounceAfter`: until when it is tried, from acceptance. */
export function tell(
  ends: readonly End[],
  mail: Mail,
  queue: Queue,
  { relayed = false, silent = false, bounceAfter }: Telling & { readonly bounceAfter: Ms },
  settings: Settings,
  clock: Clock,
): Told {
  if (silent) return { ends, notices: [] };
  const now = clock.now();
  const failed: Ended[] = [];
  const delayed: Ended[] = [];
  const handedOn: Ended[] = [];
  const after = ends.map(end => {
    const { row, conclusion } = end;
    if (FAILURES.has(conclusion.fate)) failed.push(end);
    if (conclusion.fate === 'delivered' && relayed && wants('relayed', row.state.notify)) handedOn.push(end);
    if (conclusion.fate !== 'deferred') return end;
    const told = reached(row.accepted, settings, now);
    if (told <= (row.state.told ?? 0)) return end;
    const late = { ...end, conclusion: { ...conclusion, state: withTold(conclusion.state, told) } };
    delayed.push({ ...late, retryUntil: row.accepted + bounceAfter });
    return late;
  });
  const notices = (
    [
      ['failed', failed],
      ['delayed', delayed],
      ['relayed', handedOn],
    ] as const
  ).flatMap(([action, of]) => {
    const notice = of.length > 0 ? noticeOf(action, of, mail, queue, settings, clock) : undefined;
    return notice ? [notice] : [];
  });
  return { ends: after, notices };
}

/** How many thresholds of delay a message has passed. */
export function reached(accepted: Instant, settings: Settings, now: Instant): number {
  return (settings.dsn.delayAfter ?? DELAY_AFTER).filter(age => now - accepted >= age).length;
}

export const withTold = (state: RecipientState, told: number): RecipientState => ({ ...state, told });
