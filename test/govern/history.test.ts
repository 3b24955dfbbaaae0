/**
 * The sliding history against a plain list of everything that ever happened, and the grid's arithmetic.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../../src/govern/account.js';
import { History } from '../../src/govern/history.js';
import { due, slotAt, take } from '../../src/govern/pace.js';
import { Slabs } from '../../src/govern/slab.js';
import { DAY, HOUR, T0 } from './ground.js';

afterEach(() => void vi.restoreAllMocks());

const event = fc.record({
  wait: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: HOUR })),
  late: fc.integer({ min: 0, max: 60_000 }),
  slots: fc.integer({ min: 1, max: 5 }),
  exact: fc.boolean(),
});

/** used() is never less than the truth, and at most the truth one bucket longer. */
function agreesWithList(): void {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 120 }), fc.constantFrom(HOUR, 60_000, DAY), (events, period) => {
      const history = new History(new Slabs(), period);
      const list: { at: number; slots: number }[] = [];
      let now = T0;
      for (const { wait, late, slots, exact } of events) {
        now += wait;
        const at = now - late;
        history.add(at, slots, now, exact);
        list.push({ at, slots });
        const live = (slack: number): number => list.filter(e => now < e.at + period + slack).reduce((n, e) => n + e.slots, 0);
        const used = history.used(now);
        expect(used).toBeGreaterThanOrEqual(live(0));
        expect(used).toBeLessThanOrEqual(live(period / 100));
      }
    }),
    { numRuns: 150 },
  );
}

describe('a history', () => {
  it('never counts less than a list would, nor more than a hundredth of a period longer', () => agreesWithList());

  it('counter-test: without rounding coarse entries up it counts less', () => {
    const add = History.prototype.add;
    vi.spyOn(History.prototype, 'add').mockImplementation(function (this: History, at, slots, now, exact) {
      add.call(this, exact ? at : at - this.period / 50, slots, now, exact);
    });
    expect(agreesWithList).toThrow();
  });

  it('names the instant at which room is free', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 40 }), (events, room) => {
        const history = new History(new Slabs(), HOUR);
        let now = T0;
        for (const { wait, slots, exact } of events) history.add((now += wait), slots, now, exact);
        const at = history.freeAt(room, now);
        if (at > now) expect(history.used(at - 1)).toBeGreaterThan(room);
        expect(history.used(at)).toBeLessThanOrEqual(room);
      }),
      { numRuns: 150 },
    );
    expect(new History(new Slabs(), HOUR).freeAt(-1, T0)).toBe(Infinity);
  });

  it('forgets everything after a silence longer than its 32-bit stamps can tell', () => {
    for (const days of [2, 24, 25, 26, 49, 50, 51, 100]) {
      const history = new History(new Slabs(), HOUR);
      history.add(T0, 7, T0, true);
      expect(history.used(T0 + days * DAY)).toBe(0);
    }
  });

  it('keeps every answer when exact and coarse stand side by side', () => {
    const history = new History(new Slabs(), HOUR);
    for (let i = 0; i < 1000; i++) history.add(T0 + i, 1, T0 + i, i % 2 === 0);
    expect(history.used(T0 + 1000)).toBe(1000);
    expect([...history.entries(T0 + 1000)].length).toBeLessThan(310);
  });

  it('holds counts of any size, and many answers at one instant', () => {
    const history = new History(new Slabs(), HOUR);
    for (const [at, slots] of [
      [0, 200],
      [0, 55],
      [0, 1],
      [5, 70_000],
      [2, 300],
    ] as const)
      history.add(T0 + at, slots, T0 + 10, true);
    expect([...history.entries(T0 + 10)]).toEqual([
      [T0, 256],
      [T0 + 2, 300],
      [T0 + 5, 70_000],
    ]);
    expect(history.used(T0 + HOUR + 1)).toBe(70_300);
  });

  it('keeps the grid for its owner, through growth', () => {
    const history = new History(new Slabs(), HOUR);
    expect(history.grid).toBe(-Infinity);
    history.grid = T0 + 0.25;
    for (let i = 0; i < 300; i++) history.add(T0 + 1000 * i, 1 + i * i, T0 + 1000 * i, true);
    expect(history.grid).toBe(T0 + 0.25);
    history.clear();
    expect(history.grid).toBe(-Infinity);
  });
});

describe('slabs', () => {
  it('give each block to one owner, inside one chunk', () => {
    const sizes = fc.array(fc.record({ order: fc.integer({ min: 4, max: 9 }), back: fc.boolean() }), { maxLength: 400, size: 'max' });
    fc.assert(
      fc.property(sizes, steps => {
        const slabs = new Slabs();
        const owned: { block: number; order: number }[] = [];
        for (const { order, back } of steps) {
          const gone = back ? owned.shift() : undefined;
          if (gone) slabs.release(gone.block, gone.order);
          owned.push({ block: slabs.take(order), order });
          owned.forEach(({ block, order: of }, i) => slabs.chunk(block).fill(i, slabs.offset(block), slabs.offset(block) + (1 << of)));
        }
        owned.forEach(({ block, order }, i) => {
          const words = slabs.chunk(block).subarray(slabs.offset(block), slabs.offset(block) + (1 << order));
          expect(words.length).toBe(1 << order);
          expect(words.every(word => word === i)).toBe(true);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('join what small blocks leave behind: growing histories need no more than they end with', () => {
    const slabs = new Slabs();
    const histories = Array.from({ length: 2_000 }, () => new History(slabs, HOUR));
    for (let minute = 0; minute < 60; minute++) for (const h of histories) h.add(T0 + minute * 60_000, 1, T0 + minute * 60_000, true);
    // 60 answers and the head are 66 words: blocks of 128.
    expect(slabs.bytes).toBeLessThan(1.1 * 2_000 * 512);
    for (const history of histories) history.clear();
    const before = slabs.bytes;
    for (let i = 0; i < 1_900; i++) slabs.take(7);
    expect(slabs.bytes).toBe(before);
  });
});

describe('an account', () => {
  it('begins the history of a new rate with what the hour knows', () => {
    const account = new Account(new Slabs());
    account.charge(5, T0, T0, 50);
    expect(account.rate(600_000, T0 + 1000).used(T0 + 1000)).toBe(5);
    expect(account.rate(600_000, T0 + 600_000).used(T0 + 600_000)).toBe(0);
    expect(account.idle(T0 + 1)).toBe(false);
    expect(account.idle(T0 + HOUR)).toBe(true);
  });
});

describe('the grid', () => {
  it('lets nobody catch up on more than one slot or 250 ms', () => {
    for (const [perHour, most] of [
      [20, 2],
      [3_600, 2],
      [36_000, 3],
      [360_000, 26],
      [3_600_000, 251],
    ] as const) {
      expect(due(-Infinity, perHour, T0)).toBe(most);
      const grid = take(-Infinity, perHour, most, T0);
      expect(due(grid, perHour, T0)).toBe(0);
      expect(due(grid, perHour, slotAt(grid, perHour, 1))).toBe(1);
    }
  });

  it('gives nothing under `none`, everything under `unlimited`', () => {
    expect(due(-Infinity, 0, T0)).toBe(0);
    expect(due(-Infinity, Infinity, T0)).toBe(Infinity);
    expect(take(5, Infinity, 3, T0)).toBe(T0);
  });
});
