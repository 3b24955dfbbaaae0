/**
 * What a day's outcomes count as: the seven figures that gates read, kept as distinct recipients by their last outcome.
 *
 * Recipients last seen as greylist, throttle.recipient, mailbox.full, network or dns (and those that ended without an answer:
 * expired, suppressed) count as sent, and leave every denominator. Never looks at attempts, replies or time.
 */
import type { OutcomeClass } from '../kernel/reply.js';

/** What a class means to the gates; `left-out` is in no denominator, `other` is in the denominators alone. */
export type Standing = 'delivered' | 'deferral' | 'block' | 'hard-bounce' | 'left-out' | 'other';

const STANDING: Readonly<Partial<Record<OutcomeClass, Standing>>> = {
  delivered: 'delivered',
  'throttle.rate': 'deferral',
  'throttle.connections': 'deferral',
  'reputation.defer': 'deferral',
  transient: 'deferral',
  'block.ip': 'block',
  'block.network': 'block',
  'block.domain': 'block',
  'block.dnsbl': 'block',
  'mailbox.unknown': 'hard-bounce',
  'mailbox.inactive': 'hard-bounce',
  greylist: 'left-out',
  'throttle.recipient': 'left-out',
  'mailbox.full': 'left-out',
  network: 'left-out',
  dns: 'left-out',
  expired: 'left-out',
  suppressed: 'left-out',
};

export function standing(outcome: OutcomeClass): Standing {
  return STANDING[outcome] ?? 'other';
}

/** Classes after which a recipient usually waits for another attempt; for display only. */
const WAITING: ReadonlySet<OutcomeClass> = new Set<OutcomeClass>([
  'throttle.rate',
  'throttle.connections',
  'throttle.per-connection',
  'throttle.recipient',
  'reputation.defer',
  'block.ip',
  'block.network',
  'block.dnsbl',
  'greylist',
  'mailbox.full',
  'network',
  'dns',
  'transient',
]);

/** How a class shows in a day's totals. */
export function shownAs(outcome: OutcomeClass): 'delivered' | 'deferred' | 'bounced' {
  return outcome === 'delivered' ? 'delivered' : WAITING.has(outcome) ? 'deferred' : 'bounced';
}

/** Running counts of distinct recipients. */
export class Tally {
  /** All recipients attempted, whatever came of it. */
  sent = 0;
  /** Those that stand in the denominators. */
  sample = 0;
  delivered = 0;
  deferrals = 0;
  blocks = 0;
  hardBounces = 0;

  /** `n` recipients more (or fewer, negative) whose last outcome is of this class. */
  add(outcome: OutcomeClass, n: number): void {
    this.sent += n;
    const stands = standing(outcome);
    if (stands === 'left-out') return;
    this.sample += n;
    if (stands === 'delivered') this.delivered += n;
    else if (stands === 'deferral') this.deferrals += n;
    else if (stands === 'block') this.blocks += n;
    else if (stands === 'hard-bounce') this.hardBounces += n;
  }

  addAll(counts: Readonly<Partial<Record<OutcomeClass, number>>>): void {
    for (const [outcome, n] of Object.entries(counts)) this.add(outcome as OutcomeClass, n ?? 0);
  }
}
