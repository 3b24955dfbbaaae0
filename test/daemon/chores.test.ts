/** What is done now and then, and what happens when it cannot be done. */
import { describe, expect, it } from 'vitest';
import { Chores } from '../../src/daemon/chores.js';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.UTC(2026, 2, 2);

function world(trouble: { error?: Error } = {}) {
  const clock = createManualClock(START);
  const marks: number[] = [];
  const pruned: [number, number][] = [];
  const forgotten: number[] = [];
  const failures: Error[] = [];
  const chores = new Chores({
    clock,
    suppression: { prune: () => Promise.resolve() },
    feedback: { prune: () => undefined },
    ledger: {
      alive() {
        if (trouble.error) throw trouble.error;
        marks.push(clock.now() - START);
      },
    },
    store: {
      pruneDays(over) {
        const oldest = (address: string) => Array.from({ length: 50 }, (_, i) => -i).findLast(i => !over(address, clock.now() + i * DAY));
        pruned.push([oldest('cold') ?? 0, oldest('warm') ?? 0]);
        return Promise.resolve();
      },
      pruneReceipts: () => void forgotten.push(clock.now() - START),
    },
    governor: { climbs: address => address === 'cold' },
    failed: error => void failures.push(error),
  });
  chores.start();
  return { clock, chores, marks, pruned, forgotten, failures };
}

describe('chores', () => {
  it('mark every five minutes that the daemon lives', () => {
    const w = world();
    w.clock.advance(HOUR);
    expect(w.marks).toEqual(Array.from({ length: 13 }, (_, i) => i * 5 * MINUTE));
  });

  it('forget day counters once a day: after 40 days, where nobody looks back after two', () => {
    const w = world();
    w.clock.advance(3 * DAY);
    expect(w.pruned).toEqual(Array(4).fill([-40, -2]));
  });

  it('forget receipts every minute', () => {
    const w = world();
    w.clock.advance(3 * MINUTE);
    expect(w.forgotten).toEqual([0, MINUTE, 2 * MINUTE, 3 * MINUTE]);
  });

  it('end with the daemon', () => {
    const w = world();
    w.clock.advance(MINUTE);
    w.chores.stop();
    w.clock.advance(3 * DAY);
    expect([w.marks.length, w.pruned.length, w.clock.pending]).toEqual([1, 1, 0]);
  });

  it('that cannot be done end it', () => {
    const trouble: { error?: Error } = {};
    const w = world(trouble);
    trouble.error = new Error('no space');
    w.clock.advance(HOUR);
    expect(w.failures).toEqual([trouble.error]);
  });
});
