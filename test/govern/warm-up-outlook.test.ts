/** Which stage the last seven days' mail cannot earn. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DayRow } from '../../src/kernel/day.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { Stand, match, provider, schedule as ramp, source as from } from './ground.js';
import { GATES, PLACE, World, capNow, condition, hourly, schedule, settings, source } from './warm-up-world.js';

const LADDER = hourly(20, 40, 80, 160);
const world = (more: Parameters<typeof schedule>[1] = {}, words: Parameters<typeof source>[0] = {}) =>
  new World(settings([schedule(LADDER, more)], [source(words)]));
const outlook = (w: World, of?: string) => w.ramp.status('cold-1', of, w.now)?.unearnable;

describe('the stage that the volume cannot earn', () => {
  it('is unknown before the first day is over', () => {
    expect(outlook(world().send(5))).toBeUndefined();
    expect(outlook(world().send(5).tick())).toEqual({ stage: 1, needs: 80, have: 5 });
  });

  it('is named before it is reached', () => {
    const w = world({}, { stage: 2 }).send(170).send(30, 'transient').tick();
    expect(w.caps().stage).toBe(2);
    expect(outlook(w)).toEqual({ stage: 3, needs: 320, have: 200 });
    expect(outlook(w.send(170).tick())).toEqual({ stage: 3, needs: 320, have: 200 });
  });

  it('is not named when the stage itself cut the day off', () => {
    expect(outlook(world().send(159).tick())).toEqual({ stage: 2, needs: 160, have: 159 });
    expect(outlook(world().send(160).tick())).toBeUndefined();
    const retried = world().send(100);
    for (let i = 0, carried = retried.again([], 'greylist'); i < 59; i++) carried = retried.again(carried, 'greylist');
    expect(outlook(retried.tick())).toBeUndefined();
  });

  it('is judged by the best of seven days', () => {
    const w = world().tick().send(159).tick().send(30).tick(6);
    expect(outlook(w)).toEqual({ stage: 2, needs: 160, have: 159 });
    expect(outlook(w.tick())).toEqual({ stage: 2, needs: 160, have: 30 });
    expect(outlook(w.tick())).toEqual({ stage: 2, needs: 160, have: 0 });
  });

  it('forgets with the days that they were cut off', () => {
    const w = world().tick().send(160).tick().send(30).tick(6);
    expect(outlook(w)).toBeUndefined();
    expect(outlook(w.tick())).toEqual({ stage: 2, needs: 160, have: 30 });
    expect(w.progress().cutOff).toBeUndefined();
  });

  it('has no meaning by the calendar, without a gate on volume, and at the end', () => {
    expect(outlook(world({ advance: 'calendar' }).send(5).tick())).toBeUndefined();
    const free = { ...GATES, advance: [condition('delivered', '>=', 0.9)] };
    expect(outlook(world({ gates: free }).send(5).tick())).toBeUndefined();
    const warm = world().send(5).tick();
    warm.ramp.verb('graduate', 'cold-1', {}, 'operator:ann', undefined, warm.now);
    expect(outlook(warm.tick())).toBeUndefined();
  });

  it('reads every way to write the gate', () => {
    const needs = (op: '>' | '>=', value: number) =>
      outlook(world({ gates: { ...GATES, advance: [condition('sent', op, value)] } }).tick())?.needs;
    expect([needs('>=', 0.5), needs('>', 0.5), needs('>=', 0.7), needs('>=', 0.999)]).toEqual([80, 81, 112, 160]);
  });

  it('of a provider is that of its own lane, and its mail counts for its source', () => {
    const own = { providers: new Map([['microsoft', { stages: hourly(10, 20, 40, 80), from: PLACE }]]) };
    const w = world(own).send(50).send(30, 'delivered', 'microsoft').tick();
    expect(outlook(w, 'microsoft')).toEqual({ stage: 1, needs: 40, have: 30 });
    expect(outlook(w)).toEqual({ stage: 2, needs: 160, have: 80 });
  });

  it('is the same after a restart', () => {
    const w = world().send(158);
    const { row } = w.ramp.count('cold-1', 'google', [], 'delivered', w.now);
    const rows: DayRow[] = [row];
    w.tick();
    const again = new World(w.settings, w.now, w.ramp.snapshot());
    again.ramp.restoreDays(rows, again.now);
    expect(outlook(again)).toEqual(outlook(w));
    expect(outlook(w)?.have).toBe(159);
  });
});

describe('a sender whose volume stays the same', () => {
  const ladder = fc
    .tuple(fc.integer({ min: 3, max: 40 }), fc.array(fc.double({ min: 1.05, max: 2, noNaN: true }), { minLength: 1, maxLength: 6 }))
    .map(([first, ratios]) => ratios.reduce<number[]>((all, ratio) => [...all, Math.floor((all.at(-1) ?? first) * ratio) + 1], [first]));
  const mail = fc.integer({ min: 1, max: 1_500 });

  /** Every stage it was told it could not earn, and the one it came to (Infinity: warm). */
  function life(caps: readonly number[], volume: (day: number) => number): { named: number[]; reached: number } {
    const w = new World(settings([schedule(hourly(...caps))]));
    const named: number[] = [];
    // Days below min-sample are judged together: who sends little takes longer to come where the mail carries.
    const days = Math.max(24, (caps.length + 1) * Math.ceil(GATES.minSample / volume(0)));
    for (let day = 0; day < days && !w.progress().graduated; day++) {
      w.send(Math.min(volume(day), 10 * capNow(w.ramp, w.now))).tick();
      const stage = outlook(w)?.stage;
      if (stage !== undefined) named.push(stage);
    }
    return { named, reached: w.progress().graduated ? Infinity : w.caps().stage };
  }

  it('stays at the stage it was told it could not earn', () => {
    fc.assert(
      fc.property(ladder, mail, (caps, n) => {
        const { named, reached } = life(caps, () => n);
        if (reached === Infinity) expect(named).toEqual([]);
        else expect([...new Set(named)]).toEqual([reached]);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves it when more mail comes', () => {
    const { named, reached } = life([20, 40, 80], day => (day < 12 ? 100 : 800));
    expect([...new Set(named)]).toEqual([2]);
    expect(reached).toBe(Infinity);
  });
});

describe('the governor', () => {
  it('shows it with the source', () => {
    const warmUp = { schedule: 'ramp', stage: 1, from: PLACE };
    const gates = { advance: [condition('sent', '>=', 0.5)], hold: [], stepBack: [], minSample: 1 };
    const s = new Stand({
      sources: [from('cold', '192.0.2.9', {}, warmUp)],
      providers: [provider('alpha')],
      schedules: [ramp('ramp', [10, 20], { gates })],
      defaults: { pacing: 'burst' },
    });
    for (let i = 0; i < 10; i++) s.send({ source: 'cold', provider: 'alpha' }, match());
    s.now += DAY + HOUR;
    s.governor.judge('cold', s.now, s.now);
    expect(s.governor.sourceStatus('cold', s.now).unearnable).toEqual({ stage: 1, needs: 40, have: 10 });
  });
});
