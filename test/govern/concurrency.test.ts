/**
 * Adaptive concurrency: probing, growth while in use, one fall per round, back-off of a dead lane, what counts as trouble.
 */
import { describe, expect, it } from 'vitest';
import { Concurrency } from '../../src/govern/concurrency.js';
import { HOT, match, MINUTE, provider, Stand, T0 } from './ground.js';

const refused = match({ class: 'throttle.connections', phase: 'greeting' });
const down = match({ class: 'network', code: 0, phase: 'connect' });

/** Opens what it may, sends once on each, until `rounds` are over; returns the open connections. */
function warm(s: Stand, rounds: number): number[] {
  const open: number[] = [];
  for (let i = 0; i < rounds; i++) {
    for (let v = s.governor.mayConnect(HOT, s.now); v.go; v = s.governor.mayConnect(HOT, s.now)) {
      s.governor.connected(v.connection, s.now);
      open.push(v.connection);
    }
    const permits = open.map(() => s.go(HOT));
    for (const permit of permits) {
      s.governor.present(permit, s.now);
      s.answer(permit);
    }
    s.now += 1000;
  }
  return open;
}

describe('a healthy lane', () => {
  it('reaches its maximum within a few round trips', () => {
    const s = new Stand({ defaults: { maxSmtpOut: 64 } });
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(rounds => warm(new Stand({ defaults: { maxSmtpOut: 64 } }), rounds).length)).toEqual([
      1, 2, 4, 8, 16, 32, 64, 64,
    ]);
    expect(warm(s, 8).length).toBe(64);
  });

  it('earns nothing while it uses less than it has', () => {
    const c = new Concurrency();
    for (let i = 0; i < 100; i++) c.good(T0, 1);
    expect(c.limit).toBe(2);
  });
});

describe('trouble', () => {
  it('halves at once, once for all that were under way', () => {
    const s = new Stand({ defaults: { maxSmtpOut: 16 } });
    const open = warm(s, 5);
    expect(open.length).toBe(16);
    const permits = open.map(() => s.go(HOT));
    for (const permit of permits) s.governor.present(permit, s.now);
    s.now += 500;
    for (const permit of permits) s.answer(permit, match({ class: 'throttle.rate' }));
    expect(s.governor.laneStatus(HOT, s.now).maxSmtpOut).toBe(8);
    expect(open.filter(id => s.governor.shouldClose(HOT, id, s.now))).toEqual(open.slice(8));
  });

  it('is followed by slow growth: one more per window of successes', () => {
    const c = new Concurrency();
    for (let i = 0; i < 20; i++) c.good(T0, 20);
    expect(c.limit).toBe(21);
    c.bad(T0 + 1, 20, T0 + 2, 0, { reply: '421' });
    expect(c.limit).toBe(10);
    for (let i = 0; i < 9; i++) c.good(T0 + 3, 10);
    expect(c.limit).toBe(10);
    for (let i = 0; i < 3; i++) c.good(T0 + 3, 10);
    expect(c.limit).toBe(11);
  });

  it('of a sender, a recipient or one message leaves the lane alone', () => {
    for (const words of [
      { class: 'block.domain', scope: 'sender-domain' },
      { class: 'throttle.recipient', scope: 'recipient' },
      { class: 'greylist', scope: 'recipient' },
      { class: 'mailbox.unknown', scope: 'recipient' },
      { class: 'content', scope: 'lane' },
      { class: 'transient', scope: 'lane' },
      { class: 'network', scope: 'lane' },
    ] as const) {
      const s = new Stand({ defaults: { maxSmtpOut: 16 } });
      warm(s, 5);
      s.send(HOT, match(words));
      expect(s.governor.laneStatus(HOT, s.now).maxSmtpOut, words.class).toBe(16);
    }
  });
});

describe('a dead lane', () => {
  it('closes for 15 s n², at most an hour, and probes with one connection', () => {
    const c = new Concurrency();
    const spans: number[] = [];
    let now = T0;
    for (let i = 0; i < 17; i++, now = c.closedUntil + 1) {
      c.bad(now, 1, now, 0, { reply: 'refused' });
      spans.push((c.closedUntil - now) / 1000);
      now++;
    }
    expect(spans.slice(0, 4)).toEqual([15, 60, 135, 240]);
    expect(spans.at(-1)).toBe(3600);
    c.good(now, 1);
    c.bad(now + 1, 1, now + 1, 0, { reply: 'refused' });
    expect(c.limit).toBe(1);
  });

  it('is one whose greeting refuses the probe', () => {
    const s = new Stand();
    s.governor.connectFailed(s.connect(HOT), refused, 1, s.now);
    const verdict = s.governor.mayConnect(HOT, s.now);
    expect(!verdict.go && verdict.because()).toMatchObject([
      { limit: 'concurrency', from: 'feedback', value: 1, used: 0, reply: '421 throttle.connections' },
    ]);
    expect(!verdict.go && verdict.until).toBeGreaterThan(s.now + 12_000);
    expect(!verdict.go && verdict.until).toBeLessThanOrEqual(s.now + 15_000);
    s.now = verdict.go ? 0 : (verdict.until ?? 0);
    s.connect(HOT);
    expect(s.governor.mayConnect(HOT, s.now).go).toBe(false);
  });

  it('is one of whose hosts two or more fail, or a single one three times in a row with nothing open', () => {
    const failures = (hosts: number): number => {
      const s = new Stand();
      for (let n = 0; n < 9; n++, s.now += 100) {
        const verdict = s.governor.mayConnect(HOT, s.now);
        if (!verdict.go) return n;
        s.governor.connectFailed(verdict.connection, down, hosts, s.now);
      }
      return Infinity;
    };
    expect(failures(2)).toBe(1);
    expect(failures(1)).toBe(3);
  });

  it('is not one with a single dead host while others are connected', () => {
    const s = new Stand({ providers: [provider('alpha')] });
    warm(s, 3);
    for (let n = 0; n < 20; n++, s.now += MINUTE) s.governor.connectFailed(s.connect(HOT), down, 1, s.now);
    s.connect(HOT);
  });

  it('is not one where a domain’s demand for TLS is not met, on however many hosts: the other domains go on', () => {
    const forbidden = match({ class: 'tls', code: 0, phase: 'tls' });
    const s = new Stand({ defaults: { maxSmtpOut: 4 } });
    for (let n = 0; n < 10; n++, s.now += MINUTE) s.governor.connectFailed(s.connect(HOT), forbidden, 2, s.now);
    expect(s.governor.mayConnect(HOT, s.now).go).toBe(true);
  });

  it('comes back at other times than its neighbours', () => {
    const s = new Stand();
    const lanes = Array.from({ length: 50 }, (_, i) => ({ source: 'hot', provider: `mx${i}` }));
    const ids = lanes.map(lane => {
      const v = s.governor.mayConnect(lane, s.now);
      return v.go ? v.connection : -1;
    });
    for (const id of ids) s.governor.connectFailed(id, down, 2, s.now);
    const ends = new Set(lanes.map(lane => s.governor.explain(lane, {}, s.now).verdict.until));
    expect(ends.size).toBeGreaterThan(40);
  });
});
