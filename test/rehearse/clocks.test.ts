import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';
import { DAY, HOUR } from '../../src/kernel/units.js';

describe('the virtual clock', () => {
  it('runs policy time faster than real time', async () => {
    const clock = createVirtualClock({ start: 1_000, speed: 100_000 });
    // Real time is taken inside policy time: a machine that pauses in between makes the quotient greater, never less.
    const began = clock.now();
    const real = performance.now();
    await new Promise<void>(resolve => clock.at(began + HOUR, resolve));
    const took = performance.now() - real;
    const passed = clock.now() - began;
    expect(passed).toBeGreaterThanOrEqual(HOUR);
    expect(passed / took).toBeGreaterThan(50_000);
  });

  it('never rings early, whatever the speed', async () => {
    for (const speed of [0.5, 1, 3, 977, 86_400]) {
      const clock = createVirtualClock({ start: 0, speed });
      const wait = 7.3 * speed;
      const t = clock.now() + wait;
      const rang = await new Promise<number>(resolve => clock.at(t, () => resolve(clock.now())));
      expect(rang).toBeGreaterThanOrEqual(t);
    }
  });

  it('does not run a timer inside the call that sets it, and not after cancel', async () => {
    const clock = createVirtualClock({ start: 0, speed: 1_000 });
    const rang: string[] = [];
    clock.at(-1, () => rang.push('past'));
    clock.at(-1, () => rang.push('cancelled')).cancel();
    expect(rang).toEqual([]);
    await new Promise<void>(resolve => clock.at(clock.now() + 5_000, resolve));
    expect(rang).toEqual(['past']);
  });

  it('takes waits longer than setTimeout can, by asking again', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const asked = vi.spyOn(globalThis, 'setTimeout');
      const clock = createVirtualClock({ start: 0, speed: 1 });
      const rang: number[] = [];
      clock.at(60 * DAY, () => rang.push(clock.now()));
      clock.at(Infinity, () => rang.push(Infinity));
      vi.advanceTimersByTime(60 * DAY - 1);
      expect(rang).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(rang).toEqual([60 * DAY]);
      expect(Math.max(...asked.mock.calls.map(call => call[1] ?? 0))).toBeLessThan(2 ** 31);
    } finally {
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  });

  it('refuses a speed that is none', () => {
    for (const speed of [0, -1, NaN, Infinity]) expect(() => createVirtualClock({ start: 0, speed })).toThrow(RangeError);
  });
});

describe('the manual clock', () => {
  it('runs due timers in order, each at its instant', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 40 }), fc.integer({ min: 0, max: 1_000 }), (instants, end) => {
        const clock = createManualClock(0);
        const rang: { t: number; now: number; n: number }[] = [];
        instants.forEach((t, n) => clock.at(t, () => rang.push({ t, n, now: clock.now() })));
        clock.advance(end);
        const due = instants.map((t, n) => ({ t, n, now: t })).filter(e => e.t <= end);
        due.sort((a, b) => a.t - b.t || a.n - b.n);
        expect(rang).toEqual(due);
        expect(clock.now()).toBe(end);
        expect(clock.pending).toBe(instants.length - due.length);
      }),
    );
  });

  it('runs timers that timers set, when they fall due in the same advance', () => {
    const clock = createManualClock(0);
    const rang: number[] = [];
    const again = () => {
      rang.push(clock.now());
      clock.at(clock.now() + 10, again);
    };
    clock.at(10, again);
    clock.advance(45);
    expect(rang).toEqual([10, 20, 30, 40]);
    expect(clock.next).toBe(50);
  });

  it('lets promises settle between timers when asked to run', async () => {
    const clock = createManualClock(0);
    const steps: string[] = [];
    clock.at(5, () => void Promise.resolve().then(() => clock.at(7, () => steps.push(`chained at ${clock.now()}`))));
    clock.at(9, () => steps.push('last'));
    await clock.run(10);
    expect(steps).toEqual(['chained at 7', 'last']);
  });

  it('jumps the wall clock without moving policy time or ringing anything', () => {
    const clock = createManualClock(1_000);
    let rang = false;
    clock.at(2_000, () => (rang = true));
    clock.jumpWall(HOUR);
    expect([clock.now(), clock.wall(), rang]).toEqual([1_000, 1_000 + HOUR, false]);
    expect(() => clock.advance(-1)).toThrow(RangeError);
  });
});
