import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JITTER, conclude, retryInterval, type Attempted } from '../../src/deliver/conclude.js';
import type { LaneLimits } from '../../src/kernel/governor.js';
import type { QueuedRecipient } from '../../src/kernel/message.js';
import type { ReplyMatch, Rule, Scope } from '../../src/kernel/reply.js';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import { parseReply } from '../../src/outcome/reply.js';

const LIMITS: LaneLimits = {
  maxMsgPerConnection: 100,
  maxErrorsPerConnection: 10,
  maxRcptPerMessage: 100,
  retryAfter: [10 * MINUTE, 20 * MINUTE, HOUR],
  bounceAfter: 12 * HOUR,
  maxAttempts: Infinity,
  useStarttls: true,
  requireStarttls: false,
  verifyStarttls: false,
  connectTimeout: 1000,
  idleTimeout: 1000,
};

function attempt(match: Partial<ReplyMatch>, row: Partial<QueuedRecipient> = {}): Attempted {
  return {
    row: {
      message: 1,
      index: 0,
      due: 0,
      accepted: 0,
      size: 100,
      sender: 'a@b.example',
      body: { segment: 0, offset: 0, length: 0 },
      state: { address: 'x@y.example', attempts: 0 },
      ...row,
    },
    match: { class: 'transient', scope: 'lane', reply: parseReply('451 4.3.0 later'), phase: 'rcpt', fate: 'defer', ...match },
    counted: [],
    uncertain: false,
    source: 's1',
    host: 'mx.y.example',
  };
}
const middle = () => 0.5;

describe('what becomes of a recipient', () => {
  it('retries by the list, whose last interval repeats, with jitter to either side', () => {
    expect([1, 2, 3, 4, 9].map(n => retryInterval(LIMITS.retryAfter, n, 0, middle))).toEqual([
      600_000, 1_200_000, 3_600_000, 3_600_000, 3_600_000,
    ]);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 20 }), (dice, n) => {
        const exact = retryInterval(LIMITS.retryAfter, n, 0, middle);
        expect(Math.abs(retryInterval(LIMITS.retryAfter, n, 0, () => dice) - exact)).toBeLessThanOrEqual(exact * JITTER + 1);
      }),
    );
  });

  it('honours a hint that is longer than the interval, and not one that is shorter', () => {
    expect(retryInterval(LIMITS.retryAfter, 1, HOUR, middle)).toBe(HOUR * (1 + JITTER / 2));
    expect(retryInterval(LIMITS.retryAfter, 1, MINUTE, middle)).toBe(10 * MINUTE);
  });

  it('never comes back before the receiver’s hint is over, nor much later', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 24 * HOUR }), (dice, hint) => {
        const interval = retryInterval(LIMITS.retryAfter, 1, hint, () => dice);
        expect(interval).toBeGreaterThanOrEqual(hint);
        expect(interval).toBeLessThanOrEqual(Math.max(10 * MINUTE, hint) * (1 + JITTER) + 1);
      }),
    );
  });

  it('leaves a recipient alone for the window of a rule about recipients, and for no other', () => {
    const due = (scope: Scope, suspend = true) =>
      conclude(attempt({ scope, rule: { reaction: { window: 3 * HOUR, suspend, recover: 0 } } as Rule }), LIMITS, HOUR, 0, () => 0).due;
    expect(due('recipient')).toBe(3 * HOUR);
    expect(due('recipient', false)).toBe(9 * MINUTE);
    expect(due('lane')).toBe(9 * MINUTE);
  });

  it('gives up when bounce-after is over, and puts the last attempt on that instant', () => {
    const late = conclude(attempt({}), LIMITS, HOUR, 11.5 * HOUR, middle);
    expect(late).toMatchObject({ fate: 'deferred' });
    expect(conclude(attempt({}, { state: { address: 'x@y', attempts: 3 } }), LIMITS, HOUR, 11.5 * HOUR, middle).due).toBe(12 * HOUR);
    expect(conclude(attempt({}), LIMITS, HOUR, 12 * HOUR, middle)).toMatchObject({ fate: 'expired', class: 'expired' });
  });

  it('gives up after max-attempts', () => {
    const twice = { ...LIMITS, maxAttempts: 2 };
    expect(conclude(attempt({}), twice, HOUR, 0, middle).fate).toBe('deferred');
    expect(conclude(attempt({}, { state: { address: 'x@y', attempts: 1 } }), twice, HOUR, 0, middle).fate).toBe('expired');
  });

  it('returns greylisted mail to its source, and other troubles of a lane to another', () => {
    expect(conclude(attempt({ class: 'greylist', scope: 'recipient' }), LIMITS, HOUR, 5, middle).state.stick).toEqual({
      source: 's1',
      until: 5 + HOUR,
    });
    const again = attempt(
      { class: 'greylist', scope: 'recipient' },
      { state: { address: 'x@y', attempts: 1, stick: { source: 's1', until: 99 } } },
    );
    expect(conclude(again, LIMITS, HOUR, 50, middle).state.stick?.until, 'the time runs from the first greylisting').toBe(99);
    expect(conclude(attempt({ class: 'throttle.rate', scope: 'lane' }), LIMITS, HOUR, 0, middle).state.avoid).toBe('s1');
    expect(conclude(attempt({ class: 'mailbox.full', scope: 'recipient' }), LIMITS, HOUR, 0, middle).state.avoid).toBeUndefined();
  });

  it('bounces and discards at once', () => {
    expect(conclude(attempt({ fate: 'bounce', class: 'mailbox.unknown' }), LIMITS, HOUR, 0, middle).fate).toBe('bounced');
    expect(conclude(attempt({ fate: 'discard' }), LIMITS, HOUR, 0, middle).fate).toBe('discarded');
    expect(conclude(attempt({ fate: 'deliver', class: 'delivered' }), LIMITS, HOUR, 0, middle).fate).toBe('delivered');
  });
});
