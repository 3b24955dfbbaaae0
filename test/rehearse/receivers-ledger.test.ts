import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiversLedger } from '../../src/rehearse/receivers-ledger.js';

describe("the receiver's ledger", () => {
  it('keeps the last entries in order, and counts all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 200 }), (most, n) => {
        const ledger = new ReceiversLedger(most);
        for (let i = 0; i < n; i++) ledger.settle(ledger.open(`s${i % 3}`, i), `s${i % 3}`, 1 + (i % 4), 1, 'accepted');
        const kept = [...ledger.entries()];
        const first = Math.max(0, n - most);
        expect(kept.map(e => e.at)).toEqual(Array.from({ length: n - first }, (_, i) => first + i));
        expect(kept.every(e => e.source === `s${e.at % 3}` && e.recipients === 1 + (e.at % 4))).toBe(true);
        expect([ledger.attempts, ledger.forgotten]).toEqual([n, first]);
        const sum = (key: 'attempts' | 'accepted') => [...ledger.totals().values()].reduce((total, t) => total + t[key], 0);
        expect([sum('attempts'), sum('accepted')]).toEqual([n, n]);
      }),
    );
  });

  it('grows beyond its first size without losing anything', () => {
    const ledger = new ReceiversLedger(5_000);
    for (let i = 0; i < 5_000; i++) ledger.settle(ledger.open('s', i), 's', 1, 0, 'deferred');
    expect([...ledger.entries()].map(e => e.at)).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    expect(ledger.totals().get('s')).toMatchObject({ attempts: 5_000, deferred: 5_000, accepted: 0 });
  });

  it('counts an answer that comes after its entry was overwritten, and leaves the entries alone', () => {
    const ledger = new ReceiversLedger(2);
    const old = ledger.open('s', 1);
    for (let i = 0; i < 2; i++) ledger.settle(ledger.open('s', 2), 's', 1, 1, 'accepted');
    ledger.settle(old, 's', 9, 0, 'rejected');
    expect([...ledger.entries()].map(e => e.result)).toEqual(['accepted', 'accepted']);
    expect(ledger.totals().get('s')).toMatchObject({ attempts: 3, recipients: 11, accepted: 2, rejected: 1 });
  });
});
