import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareSlots, wholeSlots } from '../../src/deliver/cold-share.js';

describe("a cold source's slots", () => {
  it('are shared by what is due', () => {
    expect(
      shareSlots([
        { slots: 100, due: 300 },
        { slots: 100, due: 100 },
      ]),
    ).toEqual([75, 25]);
  });

  it('go to everybody in full when there are enough', () => {
    expect(
      shareSlots([
        { slots: 100, due: 30 },
        { slots: 100, due: 20 },
      ]),
    ).toEqual([30, 20]);
  });

  it('go first to a provider with a stage of its own, up to half', () => {
    // The provider may use 80 of the source's 160; by due alone it would get 32 and never earn its day.
    const [own, rest] = shareSlots([
      { slots: 80, due: 100 },
      { slots: 160, due: 400 },
    ]);
    expect(own).toBe(80);
    expect(rest).toBe(80);
  });

  it('are never given out twice, nor beyond what is due or allowed', () => {
    const claim = fc.record({ slots: fc.nat(1000), due: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(claim, { maxLength: 12 }), claims => {
        const shares = shareSlots(claims);
        const most = Math.max(0, ...claims.map(c => c.slots));
        expect(shares.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(most + 1e-6);
        shares.forEach((share, i) => expect(share).toBeLessThanOrEqual(Math.min(claims[i]?.slots ?? 0, claims[i]?.due ?? 0) + 1e-6));
      }),
    );
  });

  it('leave nothing unused while somebody could use it', () => {
    const claim = fc.record({ slots: fc.constant(100), due: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(claim, { minLength: 1, maxLength: 12 }), claims => {
        const due = claims.reduce((n, c) => n + Math.min(100, c.due), 0);
        expect(shareSlots(claims).reduce((a, b) => a + b, 0)).toBeCloseTo(Math.min(100, due), 6);
      }),
    );
  });
});

describe('whole slots', () => {
  it('are no more in all than there are, however many destinations share them', () => {
    const shares = shareSlots(Array.from({ length: 1_000 }, () => ({ slots: 80, due: 1 })));
    const slots = wholeSlots(shares);
    expect(slots.reduce((a, b) => a + b, 0)).toBe(80);
    expect(Math.max(...slots)).toBe(1);
  });

  it('are each share rounded down or up, and all of them rounded up once', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { maxLength: 40 }), shares => {
        const slots = wholeSlots(shares);
        const sum = shares.reduce((a, b) => a + b, 0);
        expect(slots.reduce((a, b) => a + b, 0)).toBe(Math.max(0, Math.ceil(sum - 1e-6)));
        slots.forEach((n, i) => {
          expect(Number.isInteger(n) && n >= 0).toBe(true);
          expect(Math.abs(n - shares[i]!)).toBeLessThan(1 + 1e-5);
        });
      }),
    );
  });
});
