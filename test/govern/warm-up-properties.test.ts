/** Promises of warm-up, over random lives of an address; each with the life that breaks it when the mechanism is missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StageVerb } from '../../src/kernel/governor.js';
import type { OutcomeClass } from '../../src/kernel/reply.js';
import type { Progress } from '../../src/govern/ramp.js';
import { HOUR } from '../../src/kernel/units.js';
import { START, World, capNow, hourly, limits, schedule, settings, source, stagesOf } from './warm-up-world.js';

type Step =
  | { readonly kind: 'send'; readonly n: number; readonly outcome: OutcomeClass }
  | { readonly kind: 'tick'; readonly days: number }
  | { readonly kind: 'rule' }
  | { readonly kind: 'window'; readonly hours: number }
  | { readonly kind: 'verb'; readonly verb: StageVerb }
  | { readonly kind: 'reload'; readonly caps: readonly number[]; readonly day: number };

const outcome = fc.constantFrom<OutcomeClass>(
  'delivered',
  'delivered',
  'delivered',
  'transient',
  'block.ip',
  'mailbox.unknown',
  'greylist',
);
const caps = fc.array(fc.integer({ min: 3, max: 60 }), { minLength: 1, maxLength: 6 });
const send = fc.record({ kind: fc.constant('send' as const), n: fc.integer({ min: 1, max: 60 }), outcome });
const tick = fc.record({ kind: fc.constant('tick' as const), days: fc.integer({ min: 1, max: 12 }) });
const rule = fc.record({ kind: fc.constant('rule' as const) });
const windowStep = fc.record({ kind: fc.constant('window' as const), hours: fc.integer({ min: 0, max: 8 }) });
const reload = fc.record({ kind: fc.constant('reload' as const), caps, day: fc.integer({ min: 10, max: 400 }) });
const verb = (...verbs: StageVerb[]) => fc.record({ kind: fc.constant('verb' as const), verb: fc.constantFrom(...verbs) });

const withDay = (all: readonly number[], day: number) => stagesOf(all.map((hour, i) => limits({ hour, day: day + 10 * i })));
const under = (all: readonly number[], day: number) => settings([schedule(withDay(all, day))], [source({ stage: all.length })]);

function take(w: World, step: Step): void {
  if (step.kind === 'send') w.send(step.n, step.outcome);
  else if (step.kind === 'tick') w.tick(step.days);
  else if (step.kind === 'rule') w.ramp.stepBackByRule('cold-1', 'google', undefined, 'rule:google/x', w.now);
  else if (step.kind === 'window') w.windowOpen = step.hours * HOUR;
  else if (step.kind === 'reload') w.reload(under(step.caps, step.day));
  else {
    try {
      w.ramp.verb(step.verb, 'cold-1', {}, 'operator:ann', undefined, w.now);
    } catch {
      // Acts that make no sense here are refused; that is tested elsewhere.
    }
  }
}

/** Hourly and daily caps in force; suspended counts as 0. */
const inForce = (w: World): readonly [number, number] => {
  const hour = capNow(w.ramp, w.now);
  return [hour, hour === 0 ? 0 : (w.ramp.sourceCaps('cold-1')?.limits.maxMsgPerDay?.value ?? Infinity)];
};
const raised = ([hour, day]: readonly [number, number], [h, d]: readonly [number, number]) => h > hour || d > day;

describe('no brake, hold, step back or reload raises a cap', () => {
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: send }, tick, rule, windowStep, reload, verb('hold', 'release', 'step-back')), {
    maxLength: 30,
  });

  /** The first change of caps upwards that no earned day explains; a stop at stage 1 or until a release may end. */
  function rise(first: readonly number[], life: readonly Step[], forget?: (p: Progress) => Progress): string | undefined {
    let w = new World(under(first, 100));
    for (const step of life) {
      if (forget && step.kind === 'reload') {
        const state = Object.fromEntries(Object.entries(w.ramp.snapshot()).map(([key, p]) => [key, forget(p)]));
        const [before, next] = [inForce(w), new World(under(step.caps, step.day), w.now, state)];
        next.day = w.day;
        if (before[0] > 0 && raised(before, inForce(next))) return 'reload';
        w = next;
        continue;
      }
      const [before, records] = [inForce(w), w.records.length];
      take(w, step);
      const since = w.records.slice(records);
      const earned = since.some(r => r.type === 'stage-advanced' || r.type === 'graduated');
      const freed = before[0] === 0 && (step.kind === 'tick' || (step.kind === 'verb' && step.verb === 'release'));
      if (!earned && !freed && raised(before, inForce(w))) return step.kind;
    }
    return undefined;
  }

  it('over random lives', () => {
    fc.assert(
      fc.property(caps, steps, (first, life) => {
        expect(rise(first, life)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('and does so when the quantities in force are not kept with the progress', () => {
    const naive = ({ caps: _, ...p }: Progress): Progress => ({ ...p, earnedPerHour: 1e9 });
    const found = fc.check(
      fc.property(caps, steps, (first, life) => rise(first, life, naive) === undefined),
      { numRuns: 300 },
    );
    expect(found.failed).toBe(true);
  });
});

describe('greylisting alone', () => {
  const lives = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 40 })), { minLength: 1, maxLength: 12 });
  const stages = (life: readonly (readonly [number, number])[], bad: OutcomeClass) => {
    const w = new World(settings([schedule(hourly(20, 40, 80))], [source({ stage: 2 })]));
    for (const [listed, delivered] of life) w.send(listed, bad).send(delivered).tick();
    return w.records.filter(r => r.type === 'stage-braked' || r.type === 'stage-back');
  };

  it('never brakes or steps back', () => {
    fc.assert(
      fc.property(lives, life => {
        expect(stages(life, 'greylist')).toEqual([]);
      }),
    );
  });

  it('does when its recipients stay in the denominators', () => {
    expect(fc.check(fc.property(lives, life => stages(life, 'throttle.rate').length === 0)).failed).toBe(true);
  });
});

describe('judging twice', () => {
  const life = fc.array(fc.oneof(send, tick, rule), { maxLength: 25 });
  const live = (steps: readonly Step[], again: (w: World) => void) => {
    const w = new World(under([5, 10, 20, 40], 100));
    for (const step of steps) {
      take(w, step);
      if (step.kind === 'tick') again(w);
    }
    return { records: w.records, state: w.ramp.snapshot() };
  };

  it('is judging once', () => {
    fc.assert(
      fc.property(life, steps => {
        expect(live(steps, w => w.ramp.judge('cold-1', w.day, w.now))).toEqual(live(steps, () => undefined));
      }),
    );
  });

  it('is not, a day later', () => {
    expect(live([{ kind: 'tick', days: 1 }], w => w.tick())).not.toEqual(live([{ kind: 'tick', days: 1 }], () => undefined));
  });
});

describe('a sender of ten hours a day', () => {
  /** Steps of at most a factor of two, as the linter asks. */
  const ramp = fc
    .tuple(fc.integer({ min: 10, max: 60 }), fc.array(fc.double({ min: 1.05, max: 2, noNaN: true }), { minLength: 2, maxLength: 9 }))
    .map(([from, ratios]) => ratios.reduce<number[]>((all, ratio) => [...all, Math.floor((all.at(-1) ?? from) * ratio) + 1], [from]));
  const volume = fc.integer({ min: 50, max: 4_000 });

  /** The stage reached after 30 days; the last plus one is warm. */
  function reached(all: readonly number[], mail: number, hours: number, growth: number): number {
    const w = new World(settings([schedule(hourly(...all), { growth })]));
    for (let day = 0; day < 30; day++) {
      const hour = capNow(w.ramp, w.now);
      if (w.progress().graduated) return all.length + 1;
      const lane = w.ramp.laneCaps('cold-1', 'google', w.now)?.limits.maxMsgPerDay?.value ?? Infinity;
      w.send(Math.floor(Math.min(mail, hours * hour, lane))).tick();
    }
    return w.progress().graduated ? all.length + 1 : w.caps().stage;
  }
  const earnable = (all: readonly number[], mail: number) => {
    const first = all.findIndex(cap => mail < 4 * cap);
    return first < 0 ? all.length + 1 : first + 1;
  };

  it('leaves every stage its volume can earn, and no other', () => {
    fc.assert(
      fc.property(ramp, volume, (all, mail) => {
        expect(reached(all, mail, 10, 2.2)).toBe(earnable(all, mail));
      }),
      { numRuns: 40 },
    );
  });

  it('would not, were it measured around the clock', () => {
    const clock = fc.check(
      fc.property(ramp, volume, (all, mail) => reached(all, mail, 10 / 3, 2.2) === earnable(all, mail)),
      { numRuns: 40 },
    );
    expect(clock.failed).toBe(true);
  });
});

describe('snapshot and journal', () => {
  const life = fc.array(
    fc.oneof({ weight: 4, arbitrary: send }, tick, rule, windowStep, reload, verb('hold', 'release', 'advance', 'step-back', 'restart')),
    { maxLength: 25 },
  );

  /** The state a start would find: a snapshot taken at some step, and the records after it. */
  function restored(first: readonly number[], steps: readonly Step[], at: number, lose: number): [World, World] {
    const w = new World(under(first, 100), START);
    let state: Record<string, Progress | null> = {};
    let from = 0;
    steps.forEach((step, i) => {
      take(w, step);
      if (i === at % steps.length) [state, from] = [{ ...w.ramp.snapshot() }, w.records.length];
    });
    for (const record of w.records.slice(from, w.records.length - lose)) Object.assign(state, record.state);
    const kept = Object.fromEntries(Object.entries(state).filter((e): e is [string, Progress] => e[1] !== null));
    const again = new World(w.settings, w.now, JSON.parse(JSON.stringify(kept)) as Record<string, Progress>);
    return [w, again];
  }
  const standing = (w: World) => {
    const { lastSent: _, ...p } = w.progress();
    return { p, caps: w.ramp.sourceCaps('cold-1') };
  };

  it('restore where an address stands', () => {
    fc.assert(
      fc.property(caps, life, fc.nat(), (first, steps, at) => {
        const [w, again] = restored(first, steps, at, 0);
        expect(standing(again)).toEqual(standing(w));
        expect(again.records).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('do not when a record is lost', () => {
    const found = fc.check(
      fc.property(caps, life, fc.nat(), (first, steps, at) => {
        const [w, again] = restored(first, steps, at, 1);
        return JSON.stringify(standing(again)) === JSON.stringify(standing(w));
      }),
      { numRuns: 200 },
    );
    expect(found.failed).toBe(true);
  });
});
