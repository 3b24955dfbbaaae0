/** Turns of ready queues: priorities first, nobody starved. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ring, urgentFirst } from '../../src/deliver/ring.js';
import { Waiting } from '../../src/deliver/waiting.js';
import type { Queue } from '../../src/kernel/queue.js';
import { PRIORITIES, type Priority } from '../../src/kernel/settings.js';

const queue = (priority: Priority, id = 0): Waiting => new Waiting({ id, priority } as Queue);

/** Takes `n` messages one after the other from queues that never run dry; counts by priority. */
function take(ring: Ring, n: number): Record<Priority, number> {
  const counts = { high: 0, normal: 0, low: 0 };
  for (let i = 0; i < n; i++) {
    const [first] = ring;
    if (!first) break;
    counts[first.queue.priority]++;
    ring.took(first);
  }
  return counts;
}

function ringOf(...priorities: Priority[]): Ring {
  const ring = new Ring();
  priorities.forEach((priority, i) => ring.add(queue(priority, i)));
  return ring;
}

describe('a ring', () => {
  it('lets higher priority go first, and keeps a tenth each for the others', () => {
    expect(take(ringOf('high', 'normal', 'low'), 1_000)).toEqual({ high: 800, normal: 100, low: 100 });
    expect(take(ringOf('normal', 'low'), 1_000)).toEqual({ high: 0, normal: 900, low: 100 });
    expect(take(ringOf('high', 'low'), 1_000)).toEqual({ high: 900, normal: 0, low: 100 });
    expect(take(ringOf('low'), 10)).toEqual({ high: 0, normal: 0, low: 10 });
  });

  it('tells how urgent it is, for the order among sites and connections of a lane', () => {
    const rings = [ringOf('low'), ringOf(), ringOf('normal', 'low'), ringOf('low', 'high'), ringOf('normal')];
    expect(rings.map(r => r.urgency)).toEqual([2, 3, 1, 0, 1]);
    const order = (taken: number): number[] => urgentFirst(rings, r => r.urgency, taken).map(r => rings.indexOf(r));
    expect(order(0)).toEqual([3, 2, 4, 0, 1]);
    expect(order(9)).toEqual([1, 0, 2, 4, 3]);
    expect(order(19)).toEqual(order(9));
  });

  it('takes queues of one priority in turn', () => {
    const ring = ringOf('normal', 'normal', 'normal');
    const order = Array.from({ length: 6 }, () => {
      const [first] = ring;
      ring.took(first as Waiting);
      return first?.queue.id;
    });
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('shows each of its queues once, whatever was added, removed and taken', () => {
    const deed = fc.tuple(fc.constantFrom('add', 'delete', 'took'), fc.nat(5));
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), deeds => {
        const all = Array.from({ length: 6 }, (_, i) => queue(PRIORITIES[i % 3] as Priority, i));
        const ring = new Ring();
        const model = new Set<Waiting>();
        for (const [verb, i] of deeds) {
          const one = all[i] as Waiting;
          ring[verb as 'add'](one);
          if (verb === 'add') model.add(one);
          if (verb === 'delete') model.delete(one);
        }
        expect(new Set(ring)).toEqual(model);
        expect(ring.size).toBe(model.size);
        expect([...ring]).toHaveLength(model.size);
      }),
    );
  });
});
