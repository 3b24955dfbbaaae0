/**
 * What becomes of each recipient after an attempt: delivered, deferred to an instant, bounced, discarded, expired.
 *
 * Pure but for the dice of the retry jitter, which are an argument. Retry intervals are a list whose last entry repeats;
 * `bounce-after` counts from acceptance. An IP's trouble is not the recipient's: classification has already turned such
 * replies into deferrals.
 */
import type { LaneLimits } from '../kernel/governor.js';
import type { QueuedRecipient, RecipientState } from '../kernel/message.js';
import type { OutcomeClass, ReplyMatch } from '../kernel/reply.js';
import { printable } from '../kernel/text.js';
import type { Instant, Ms } from '../kernel/units.js';

/**
 * Retry intervals vary by this much to either side, so that a campaign deferred at once does not come back at once; what the
 * receiver or a rule asked for is never undercut.
 */
export const JITTER = 0.1;

/** `suppressed`: put on the list while it waited; nothing was sent. */
export type Fate = 'delivered' | 'deferred' | 'bounced' | 'discarded' | 'expired' | 'suppressed' | 'deleted';

export interface Conclusion {
  readonly fate: Fate;
  /** The class that is counted and logged; `expired` when time ran out. */
  readonly class: OutcomeClass;
  readonly state: RecipientState;
  /** For deferrals. */
  readonly due?: Instant;
}

export interface Attempted {
  readonly row: QueuedRecipient;
  readonly match: ReplyMatch;
  readonly counted: RecipientState['counted'];
  readonly uncertain: boolean;
  readonly source: string;
  readonly host: string;
}

export function conclude(attempt: Attempted, limits: LaneLimits, stickyFor: Ms, now: Instant, random: () => number): Conclusion {
  const { row, match } = attempt;
  const attempts = row.state.attempts + 1;
  const state = stateAfter(attempt, attempts, stickyFor, now);
  if (match.fate === 'deliver') return { fate: 'delivered', class: 'delivered', state };
  if (match.fate === 'discard') return { fate: 'discarded', class: match.class, state };
  if (match.fate === 'bounce') return { fate: 'bounced', class: match.class, state };
  const end = row.accepted + limits.bounceAfter;
  if (attempts >= limits.maxAttempts || now >= end) return { fate: 'expired', class: 'expired', state };
  // The last attempt falls on the end itself, so that nobody is given up while an interval still runs.
  const due = Math.min(end, now + retryInterval(limits.retryAfter, attempts, restOf(match), random));
  return { fate: 'deferred', class: match.class, state, due };
}

/** How long a recipient is left alone at least: what the reply asks for, or a rule's window about this recipient alone. */
function restOf({ hint = 0, scope, rule }: ReplyMatch): Ms {
  return scope === 'recipient' && rule?.reaction?.suspend ? Math.max(hint, rule.reaction.window) : hint;
}

/** The interval before attempt number `attempts + 1`, at least `rest`. */
export function retryInterval(retryAfter: readonly Ms[], attempts: number, rest: Ms, random: () => number): Ms {
  const stated = retryAfter[Math.min(attempts, retryAfter.length) - 1] ?? 600_000;
  const dice = JITTER * random();
  return Math.round(Math.max(stated * (1 - JITTER + 2 * dice), rest * (1 + dice)));
}

function stateAfter(attempt: Attempted, attempts: number, stickyFor: Ms, now: Instant): RecipientState {
  const { row, match, source, host } = attempt;
  const before = row.state;
  const shared = {
    address: before.address,
    ...(before.orcpt === undefined ? {} : { orcpt: before.orcpt }),
    ...(before.notify === undefined ? {} : { notify: before.notify }),
    ...(before.told === undefined ? {} : { told: before.told }),
    attempts,
    ...(attempt.uncertain || before.uncertain ? { uncertain: true } : {}),
    last: { at: now, class: match.class, reply: printable(match.reply.line, 400), source, host: printable(host, 120) },
    ...(attempt.counted && attempt.counted.length > 0 ? { counted: attempt.counted } : {}),
  };
  if (match.class === 'greylist') {
    const until = before.stick?.source === source ? before.stick.until : now + stickyFor;
    return { ...shared, stick: { source, until } };
  }
  const elsewhere = match.fate === 'defer' && (match.scope === 'lane' || match.scope === 'source');
  return elsewhere ? { ...shared, avoid: source } : shared;
}
