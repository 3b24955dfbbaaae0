/**
 * The queue in memory against a model that holds everything: whatever is committed, taken, settled, given back, in whatever
 * order commits end and memory is trimmed, every row is there once, in due order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryQueue, type Shelf } from '../../src/spool/queue.js';
import { rowId, type SpoolRow } from '../../src/spool/row.js';

const row = (message: number, due: number, attempts = 0): SpoolRow => ({
  message,
  index: 0,
  due,
  accepted: 0,
  size: 1,
  sender: '',
  state: { address: `a${message}`, attempts },
  body: { segment: 1, offset: 0, length: 1 },
  parts: 1,
});
const inOrder = (a: SpoolRow, b: SpoolRow) => a.due - b.due || rowId(a) - rowId(b);

/** Rows committed, as LMDB would show them, and commits that are durable but not yet known to be. */
class Disk implements Shelf {
  rows: SpoolRow[] = [];
  resident = 0;
  reads = 0;
  constructor(readonly budget: number) {}
  beyond(_: number, due: number, id: number, limit: number): SpoolRow[] {
    this.reads++;
    return this.rows.filter(r => r.due > due || (r.due === due && rowId(r) > id)).slice(0, limit);
  }
  has(_: number, wanted: { message: number; due: number }): boolean {
    return this.rows.some(r => r.message === wanted.message && r.due === wanted.due);
  }
  headChanged(): void {}
  put(one: SpoolRow): void {
    this.rows.push(one);
    this.rows.sort(inOrder);
  }
  remove(one: SpoolRow): void {
    this.rows = this.rows.filter(r => r.message !== one.message);
  }
}

type Step = {
  readonly what: 'accept' | 'take' | 'takeAny' | 'settle' | 'defer' | 'giveBack' | 'end' | 'peek' | 'next';
  readonly n: number;
};
const steps = fc.array(
  fc.record({
    what: fc.constantFrom<Step['what']>(
      'accept',
      'accept',
      'take',
      'take',
      'takeAny',
      'settle',
      'defer',
      'giveBack',
      'end',
      'end',
      'peek',
      'next',
    ),
    n: fc.nat({ max: 1_000 }),
  }),
  { minLength: 20, maxLength: 400 },
);

function play(moves: readonly Step[], queue: MemoryQueue, disk: Disk): void {
  const flight: SpoolRow[] = [];
  let commits: (() => void)[] = [];
  let next = 1_000_000;
  const held = new Set<number>();
  const free = () => disk.rows.filter(r => !held.has(r.message));
  for (const { what, n } of moves) {
    switch (what) {
      case 'accept': {
        const one = row(next++, n);
        queue.hold(rowId(one));
        held.add(one.message);
        disk.put(one);
        commits.push(() => {
          queue.waiting++;
          held.delete(one.message);
          queue.release(rowId(one));
          queue.enter(one);
        });
        break;
      }
      case 'take': {
        const one = queue.peek(1 + (n % 5)).at(-1);
        if (one) {
          expect(queue.take(one)).toBe(true);
          held.add(one.message);
          flight.push(one);
        }
        break;
      }
      case 'takeAny': {
        const all = free();
        const one = all[n % Math.max(1, all.length)];
        if (one) {
          expect(queue.take({ ...one })).toBe(true);
          expect(queue.take({ ...one })).toBe(false);
          held.add(one.message);
          flight.push(one);
        }
        break;
      }
      case 'settle': {
        const one = flight.shift();
        if (!one) break;
        disk.remove(one);
        commits.push(() => {
          queue.waiting--;
          held.delete(one.message);
          queue.release(rowId(one));
        });
        break;
      }
      case 'defer': {
        const one = flight.shift();
        if (!one) break;
        const later = row(one.message, n, one.state.attempts + 1);
        disk.remove(one);
        disk.put(later);
        commits.push(() => {
          held.delete(one.message);
          queue.release(rowId(one));
          queue.enter(later);
        });
        break;
      }
      case 'giveBack': {
        const one = flight.pop();
        if (!one) break;
        held.delete(one.message);
        queue.giveBack(one);
        break;
      }
      case 'end':
        for (const commit of commits) commit();
        commits = [];
        break;
      case 'peek':
        queue.peek(1 + (n % 40));
        break;
      case 'next': {
        const head = free()[0];
        if (queue.nextDue === null) expect(head).toBeUndefined();
        else expect(queue.nextDue).toBeLessThanOrEqual(head?.due ?? Infinity);
        break;
      }
    }
    const shown = queue.peek(5);
    expect(shown.map(r => `${r.message} ${r.due} ${r.state.attempts}`)).toEqual(
      free()
        .slice(0, 5)
        .map(r => `${r.message} ${r.due} ${r.state.attempts}`),
    );
  }
  for (const commit of commits) commit();
  for (const one of flight) queue.giveBack(one);
  expect(queue.peek(1_000_000).length).toBeLessThanOrEqual(disk.rows.length);
  const all: SpoolRow[] = [];
  for (let one = queue.peek(1)[0]; one; one = queue.peek(1)[0]) {
    expect(queue.take(one)).toBe(true);
    all.push(one);
  }
  expect(all.map(r => r.message)).toEqual(disk.rows.map(r => r.message));
}

function started(disk: Disk, make: (disk: Disk) => MemoryQueue = shelf => new MemoryQueue(1, 'p', 'd', 'allow', shelf)): MemoryQueue {
  const queue = make(disk);
  if (disk.rows.length > 0) queue.restore(disk.rows.length, disk.rows[0]!.due);
  return queue;
}

describe('a queue in memory', () => {
  const backlog = fc.nat({ max: 700 });

  it('shows every row once and in due order, with little memory and with much', () => {
    fc.assert(
      fc.property(steps, backlog, fc.constantFrom(0, 100_000), (moves, waiting, budget) => {
        const disk = new Disk(budget);
        for (let i = 0; i < waiting; i++) disk.put(row(i + 1, (i * 7) % 500));
        play(moves, started(disk), disk);
      }),
      { numRuns: 60 },
    );
  });

  it('would not, if a refill took what is held', () => {
    class Forgetful extends MemoryQueue {
      override hold(): void {}
      override release(): void {}
    }
    const all = () =>
      fc.assert(
        fc.property(steps, moves => {
          const disk = new Disk(0);
          for (let i = 0; i < 100; i++) disk.put(row(i + 1, i));
          play(
            moves,
            started(disk, shelf => new Forgetful(1, 'p', 'd', 'allow', shelf)),
            disk,
          );
        }),
      );
    expect(all).toThrow('Property failed');
  });

  it('keeps some hundred rows of millions', () => {
    const disk = new Disk(100_000);
    const queue = started(disk);
    for (let i = 0; i < 5_000; i++) {
      const one = row(i + 1, i);
      disk.rows.push(one);
      queue.waiting++;
      queue.enter(one);
    }
    expect(disk.resident).toBeLessThanOrEqual(512);
    expect(queue.waiting).toBe(5_000);
    for (let i = 0; i < 4_000; i++) queue.take(queue.peek(1)[0]!);
    expect(queue.peek(1)[0]!.message).toBe(4_001);
    expect(disk.resident).toBeLessThanOrEqual(512);
    expect(disk.reads).toBeLessThan(40);
  });

  it('keeps fewer when all queues together have too many', () => {
    const disk = new Disk(100);
    const queue = started(disk);
    disk.resident = 1_000;
    for (let i = 0; i < 200; i++) {
      const one = row(i + 1, i);
      disk.rows.push(one);
      queue.enter(one);
    }
    expect(disk.resident - 1_000).toBeLessThanOrEqual(16);
  });

  it('after a start knows its head without reading a row', () => {
    const disk = new Disk(100_000);
    for (let i = 0; i < 100; i++) disk.put(row(i + 1, 50 + i));
    const queue = started(disk);
    expect(queue.nextDue).toBe(50);
    expect(queue.dueCountUpTo(49)).toBe(0);
    expect(queue.dueCountUpTo(60)).toBe(100);
    expect(disk.reads).toBe(0);
    queue.peek(1);
    expect(queue.dueCountUpTo(60)).toBe(11);
  });

  it('does not hand out a row that has changed since it was looked at', () => {
    const disk = new Disk(100_000);
    disk.put(row(1, 5));
    const queue = started(disk);
    const seen = queue.peek(1)[0]!;
    expect(queue.take(row(1, 6))).toBe(false);
    expect(queue.take(row(1, 5, 1))).toBe(false);
    expect(queue.take(seen)).toBe(true);
    expect(() => queue.release(99)).toThrow('not taken');
  });
});
