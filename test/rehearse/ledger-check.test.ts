import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import { checkLedgers, type CapInForce } from '../../src/rehearse/ledger-check.js';
import { ReceiversLedger } from '../../src/rehearse/receivers-ledger.js';

interface Departure {
  readonly at: number;
  readonly source: string;
  readonly recipients: number;
}

const source = fc.constantFrom('a', 'b');
const departure = fc.record({ at: fc.integer({ min: 0, max: 4 * HOUR }), source, recipients: fc.integer({ min: 1, max: 5 }) });
const cap = fc.record({ at: fc.integer({ min: 0, max: 4 * HOUR }), source, cap: fc.integer({ min: 1, max: 20 }) });

/** What the promise says, read aloud: no cleverness. */
function slowly(departures: readonly Departure[], caps: readonly CapInForce[], name: string) {
  const own = departures.filter(d => d.source === name);
  const over = own.map((d, i) => {
    const used = own
      .filter((e, j) => e.at > d.at - HOUR && (e.at < d.at || (e.at === d.at && j <= i)))
      .reduce((n, e) => n + e.recipients, 0);
    const inForce = caps.filter(c => c.source === name && c.at <= d.at).sort((x, y) => x.at - y.at);
    return Math.max(0, used - (inForce.at(-1)?.cap ?? Infinity));
  });
  return { violations: over.filter(n => n > 0).length, over: Math.max(0, ...over) };
}

/** A sender that keeps to its cap: waits until the trailing hour has room. */
function honest(wanted: readonly Departure[], limit: number): Departure[] {
  const sent: Departure[] = [];
  let now = 0;
  for (const d of [...wanted].sort((x, y) => x.at - y.at)) {
    now = Math.max(now, d.at);
    const used = (t: number) => sent.filter(e => e.at > t - HOUR && e.at <= t).reduce((n, e) => n + e.recipients, 0);
    while (used(now) + d.recipients > limit) now = Math.min(...sent.filter(e => e.at > now - HOUR).map(e => e.at)) + HOUR;
    sent.push({ ...d, at: now });
  }
  return sent;
}

describe('the check of the ledgers', () => {
  it('agrees with a slow reading of the promise', () => {
    fc.assert(
      fc.property(fc.array(departure, { maxLength: 60 }), fc.array(cap, { maxLength: 6 }), fc.nat(60), (departures, caps, cut) => {
        const at = [...departures].sort((x, y) => x.at - y.at);
        const result = checkLedgers([at.slice(0, cut), at.slice(cut)], caps);
        for (const name of new Set(at.map(d => d.source))) {
          expect(result.find(r => r.source === name)).toMatchObject(slowly(at, caps, name));
        }
      }),
    );
  });

  it('finds nothing wrong with a sender that keeps its cap, and catches one that does not', () => {
    fc.assert(
      fc.property(fc.array(departure, { minLength: 1, maxLength: 60 }), fc.integer({ min: 5, max: 15 }), (wanted, limit) => {
        const one = wanted.map(d => ({ ...d, source: 'a' }));
        const caps = [{ source: 'a', at: 0, cap: limit }];
        const sent = honest(one, limit);
        expect(checkLedgers([sent], caps)).toMatchObject([{ violations: 0, over: 0 }]);
        // The counter-test: one departure more in the fullest hour is seen.
        const full = checkLedgers([sent], caps)[0]?.peak ?? 0;
        const last = sent.at(-1) ?? { at: 0, source: 'a', recipients: 1 };
        const more = [...sent, { ...last, recipients: limit - full + limit }];
        expect(checkLedgers([more], caps)[0]?.violations).toBeGreaterThan(0);
      }),
    );
  });

  it('sums the receivers of one source, and tells sources apart', () => {
    const at = (name: string, t: number): Departure => ({ at: t, source: name, recipients: 1 });
    const caps = [
      { source: 'a', at: 0, cap: 2 },
      { source: 'b', at: 0, cap: 2 },
    ];
    expect(checkLedgers([[at('a', 1)], [at('a', 2)], [at('a', 3), at('b', 3)]], caps)).toMatchObject([
      { source: 'a', attempts: 3, violations: 1, over: 1, first: { at: 3, used: 3, cap: 2 }, peak: 3 },
      { source: 'b', attempts: 1, violations: 0, over: 0, peak: 1 },
    ]);
  });

  it('slides: the same number across the top of an hour is too many', () => {
    const times = [50, 55, 65, 70].map(m => ({ at: m * MINUTE, source: 'a', recipients: 1 }));
    expect(checkLedgers([times], [{ source: 'a', at: 0, cap: 2 }])[0]?.violations).toBe(2);
    const apart = [0, 30, 60, 90].map(m => ({ at: m * MINUTE, source: 'a', recipients: 1 }));
    expect(checkLedgers([apart], [{ source: 'a', at: 0, cap: 2 }])[0]?.violations).toBe(0);
  });

  it('allows for the time a departure is under way when a cap falls', () => {
    const times = [0, 1, 2].map(t => ({ at: 1_000 + t, source: 'a', recipients: 1 }));
    const caps = [
      { source: 'a', at: 0, cap: 3 },
      { source: 'a', at: 1_001, cap: 1 },
    ];
    expect(checkLedgers([times], caps)[0]?.violations).toBe(2);
    expect(checkLedgers([times], caps, { latency: 1 })[0]?.violations).toBe(1);
    expect(checkLedgers([times], caps, { latency: 2 })[0]?.violations).toBe(0);
  });

  it("reads receivers' ledgers as they are", () => {
    const ledger = new ReceiversLedger();
    for (let t = 0; t < 3; t++) ledger.settle(ledger.open('a', t), 'a', 2, 0, 'deferred');
    expect(checkLedgers([ledger.entries()], [{ source: 'a', at: 0, cap: 5 }])).toMatchObject([{ attempts: 6, over: 1, violations: 1 }]);
  });
});
