import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Scheduled, TimeHeap } from '../../src/deliver/heap.js';

const thing = (): Scheduled => ({ heapIndex: -1, heapAt: 0 });

describe('the heap of lanes and queues', () => {
  it('gives things back in the order of their instants, however they are moved and removed', () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('set' as const), which: fc.nat(15), at: fc.nat(1000) }),
      fc.record({ do: fc.constant('remove' as const), which: fc.nat(15), at: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), acts => {
        const heap = new TimeHeap<Scheduled>();
        const things = Array.from({ length: 16 }, thing);
        const model = new Map<Scheduled, number>();
        for (const a of acts) {
          const t = things[a.which] as Scheduled;
          if (a.do === 'set') {
            heap.set(t, a.at);
            model.set(t, a.at);
          } else {
            heap.remove(t);
            model.delete(t);
          }
          expect(heap.size).toBe(model.size);
          expect(heap.first()?.heapAt).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        }
        const out: number[] = [];
        for (let t = heap.popDue(Infinity); t; t = heap.popDue(Infinity)) out.push(t.heapAt);
        expect(out).toEqual([...model.values()].sort((a, b) => a - b));
      }),
    );
  });

  it('keeps what is not due', () => {
    const heap = new TimeHeap<Scheduled>();
    heap.set(thing(), 10);
    expect(heap.popDue(9)).toBeUndefined();
    expect(heap.popDue(10)).toBeDefined();
  });
});
