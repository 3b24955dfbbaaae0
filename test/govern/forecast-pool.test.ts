/** What becomes of a pool's backlog: reckoned by hand, and never more than the caps add up to. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClimbAhead, Walk } from '../../src/govern/forecast-climb.js';
import { forecastPool, type PoolAhead } from '../../src/govern/forecast-pool.js';
import type { LaneAhead, SourceAhead } from '../../src/govern/forecast-sender.js';
import { shareOut } from '../../src/govern/forecast-shares.js';
import type { WaitingMail } from '../../src/kernel/forecast.js';
import type { StageVerb } from '../../src/kernel/governor.js';
import { DAY, HOUR, match, MINUTE, provider, rule, schedule, settings, source, Stand, T0 } from './ground.js';

afterEach(() => void vi.restoreAllMocks());

const NEVER = -Infinity;
const LIFE = 4 * DAY + 12 * HOUR;

/** Half of eight hours earns a stage. */
const climb = (caps: readonly number[], more: Partial<ClimbAhead> = {}): ClimbAhead => ({
  source: 'cold',
  path: caps.map((perHour, i) => ({ stage: i + 1, perHour, perDay: Infinity, needs: perHour * 4 })),
  stages: caps.length,
  held: false,
  sent: 0,
  ...more,
});
const lane = (name: string, more: Partial<LaneAhead> = {}): LaneAhead => ({
  provider: name,
  perHour: Infinity,
  perDay: Infinity,
  spells: [],
  takenToday: 0,
  stoppedUntil: NEVER,
  ...more,
});
const cold = (caps: readonly number[], more: Partial<SourceAhead> = {}): SourceAhead => ({
  ...hot(more),
  name: 'cold',
  climb: climb(caps),
  ...more,
});
const hot = (more: Partial<SourceAhead> = {}): SourceAhead => ({
  name: 'hot',
  perHour: Infinity,
  perDay: Infinity,
  spells: [],
  lanes: [lane('a'), lane('b')],
  takenToday: 0,
  nextTick: T0 + DAY,
  stoppedUntil: NEVER,
  ...more,
});
const mail = (count: number, more: { provider?: string; expires?: number; warmOnly?: boolean } = {}) => ({
  provider: more.provider ?? 'a',
  warmOnly: more.warmOnly ?? false,
  batches: [{ expires: more.expires ?? T0 + LIFE, count }],
});
const foretell = (sources: readonly SourceAhead[], waiting: PoolAhead['mail'], perHour = Infinity) =>
  forecastPool({ sources, mail: waiting, perHour }, T0);
const leaves = (f: ReturnType<typeof forecastPool>) => f.days.map(d => d.leaves);

describe('a pool of one cold source', () => {
  it('climbs a stage after every earned day', () => {
    const f = foretell([cold([20, 40, 80])], [mail(2_000)]);
    // 24 x 20, 24 x 40, and 560 at 80 an hour.
    expect(leaves(f)).toEqual([480, 960, 560]);
    expect(f.days.map(d => d.sources[0])).toEqual([
      { name: 'cold', stage: 1, leaves: 480, allows: 480 },
      { name: 'cold', stage: 2, leaves: 960, allows: 960 },
      { name: 'cold', stage: 3, leaves: 560, allows: 560 },
    ]);
    expect(f).toMatchObject({ waiting: 2_000, leaves: 2_000, expires: 0, done: T0 + 2 * DAY + 7 * HOUR, unearned: [], stopped: [] });
  });

  it('says how much expires before it can leave, the oldest going first', () => {
    const f = foretell([cold([20])], [mail(10_000)]);
    expect(f).toMatchObject({ leaves: 20 * 108, expires: 10_000 - 20 * 108, done: T0 + LIFE });
    expect(leaves(f)).toEqual([480, 480, 480, 480, 240]);
    expect(leaves(foretell([cold([20])], [mail(1_000, { expires: T0 + DAY })]))).toEqual([480]);
    expect(f.days.at(-1)).toMatchObject({ waiting: 0, expires: 10_000 - 20 * 108, until: T0 + LIFE });
    const old = mail(100, { expires: T0 + 2 * HOUR });
    const both = { ...old, batches: [{ expires: T0 + LIFE, count: 100 }, ...old.batches] };
    expect(foretell([cold([20])], [both])).toMatchObject({ leaves: 140, expires: 60, done: T0 + 7 * HOUR });
  });

  it('names the first day whose mail is too little for its stage, and stays there', () => {
    const f = foretell([cold([20, 40, 80])], [mail(600)]);
    expect(leaves(f)).toEqual([480, 120]);
    expect(f.unearned).toEqual([{ source: 'cold', stage: 2, stages: 3, at: T0 + 2 * DAY, needs: 160, sends: 120 }]);
    // A lane that takes 3 an hour earns nothing: the source stays, and so does the day's 72.
    const slow = foretell([cold([20, 40], { lanes: [lane('a', { perHour: 3 })] })], [mail(200)]);
    expect(leaves(slow)).toEqual([72, 72, 56]);
    expect(slow.days.map(d => d.sources[0]?.stage)).toEqual([1, 1, 1]);
    expect(slow.unearned).toMatchObject([{ stage: 1, needs: 80, sends: 72, at: T0 + DAY }]);
  });

  it('counts what today has done already', () => {
    const today = cold([20, 40], { climb: climb([20, 40], { sent: 70 }), nextTick: T0 + HOUR });
    const f = foretell([today], [mail(100)]);
    expect(leaves(f)).toEqual([20, 80]);
    expect(f.days[0]).toMatchObject({ from: T0, until: T0 + HOUR });
    expect(f.days[1]?.sources[0]).toMatchObject({ stage: 2 });
    const short = cold([20, 40], { climb: climb([20, 40], { sent: 59 }), nextTick: T0 + HOUR });
    expect(foretell([short], [mail(100)]).unearned).toMatchObject([{ stage: 1, needs: 80, sends: 79, at: T0 + HOUR }]);
  });

  it('observes caps of the day, of the lane, of the daemon, and what they have used', () => {
    expect(leaves(foretell([cold([20], { perDay: 100, takenToday: 40 })], [mail(200)]))).toEqual([60, 100, 40]);
    expect(leaves(foretell([cold([20], { lanes: [lane('a', { perDay: 50, takenToday: 10 })] })], [mail(100)]))).toEqual([40, 50, 10]);
    expect(leaves(foretell([cold([20])], [mail(300)], 5))).toEqual([120, 120, 60]);
    expect(leaves(foretell([cold([20], { perHour: 7 })], [mail(300)]))).toEqual([168, 132]);
  });

  it('grows no lane faster than it may', () => {
    const grown = cold([20, 40, 80], { lanes: [lane('a', { growth: { factor: 2, floor: 50, best: 0 } })] });
    // The floor, then twice the best day: 50, 100, 200, 400. The source has not earned stage 2 until the second day.
    expect(leaves(foretell([grown], [mail(750)]))).toEqual([50, 100, 200, 400]);
  });

  it('waits for what ends by itself, and for ever for a person', () => {
    const spell = cold([20], { spells: [{ until: T0 + 2 * HOUR, perHour: 5 }] });
    expect(foretell([spell], [mail(30)])).toMatchObject({ leaves: 30, done: T0 + 3 * HOUR });
    expect(foretell([cold([20], { stoppedUntil: T0 + 90 * MINUTE })], [mail(20)]).done).toBe(T0 + 2.5 * HOUR);
    const stopped = foretell([cold([20], { stoppedUntil: Infinity, stopped: 'paused (operator:ann)' })], [mail(20)]);
    expect(stopped).toMatchObject({ leaves: 0, expires: 20, done: T0 + LIFE, stopped: ['cold: paused (operator:ann)'] });
    const forEver = foretell([cold([20], { stoppedUntil: Infinity })], [mail(20, { expires: Infinity })]);
    expect(forEver).toMatchObject({ leaves: 0, expires: 0, done: null });
    expect(forEver.days).toHaveLength(400);
  });

  it('that is held stays', () => {
    const held = cold([20, 40], { climb: climb([20, 40], { held: true }) });
    expect(leaves(foretell([held], [mail(1_000)]))).toEqual([480, 480, 40]);
  });
});

describe('a pool', () => {
  it('without mail has nothing to tell', () => {
    expect(foretell([cold([20])], [])).toEqual({ waiting: 0, leaves: 0, expires: 0, done: T0, days: [], unearned: [], stopped: [] });
  });

  it('without sources keeps its mail until it expires', () => {
    expect(foretell([], [mail(10)])).toMatchObject({ leaves: 0, expires: 10, done: T0 + LIFE });
  });

  it('shares a source’s slots by what waits', () => {
    const f = foretell([cold([20], { lanes: [lane('a'), lane('b', { perHour: 1 })] })], [mail(100), mail(100, { provider: 'b' })]);
    // b takes 1 an hour; a has the other 19, then all.
    expect(f.days[0]).toMatchObject({ leaves: 100 + 24, waiting: 76 });
  });

  it('gives a provider its own stages, which never lead the source’s', () => {
    const own = climb([1, 2, 4], { provider: 'b' });
    const f = foretell([cold([20, 40], { lanes: [lane('a'), lane('b', { climb: own })] })], [mail(5_000), mail(500, { provider: 'b' })]);
    expect(f.days[0]?.leaves).toBe(480);
    const first = foretell([cold([20, 40], { lanes: [lane('b', { climb: own })] })], [mail(500, { provider: 'b', expires: Infinity })]);
    // 24 of the source’s 80: it earns nothing, and the provider waits for it.
    expect(leaves(first).slice(0, 3)).toEqual([24, 24, 24]);
    expect(first.unearned).toMatchObject([{ source: 'cold', stage: 1, sends: 24 }]);
    expect(first.unearned[0]).not.toHaveProperty('provider');
  });

  it('fills cold sources first; what may not warm goes through warm ones', () => {
    const both = [hot({ perHour: 10 }), cold([20])];
    expect(foretell(both, [mail(30)]).days[0]?.sources.map(s => s.leaves)).toEqual([10, 20]);
    expect(foretell(both, [mail(30, { warmOnly: true })]).days[0]?.sources.map(s => s.leaves)).toEqual([30, 0]);
    expect(foretell([cold([20])], [mail(30, { warmOnly: true })]).leaves).toBe(30);
    expect(foretell([hot()], [mail(1e6)])).toMatchObject({ leaves: 1e6, done: T0 + HOUR });
  });
});

describe('shares', () => {
  const want = fc.record({
    waiting: fc.integer({ min: 1, max: 500 }),
    room: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constant(Infinity)),
  });
  it('are whole, within everybody’s room, and all there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), fc.array(want, { maxLength: 8 }), (amount, wants) => {
        const shares = shareOut(amount, wants);
        const sum = shares.reduce((a, b) => a + b, 0);
        shares.forEach((share, i) => {
          expect(Number.isInteger(share) && share >= 0).toBe(true);
          expect(share).toBeLessThanOrEqual(Math.min(wants[i]?.waiting ?? 0, wants[i]?.room ?? 0));
        });
        expect(sum).toBe(
          Math.min(
            amount,
            wants.reduce((a, w) => a + Math.min(w.waiting, w.room), 0),
          ),
        );
      }),
    );
  });
  it('follow what waits', () => {
    expect(
      shareOut(30, [
        { waiting: 100, room: Infinity },
        { waiting: 200, room: Infinity },
      ]),
    ).toEqual([10, 20]);
    expect(
      shareOut(1, [
        { waiting: 100, room: Infinity },
        { waiting: 200, room: Infinity },
      ]),
    ).toEqual([0, 1]);
    expect(shareOut(Infinity, [{ waiting: 5, room: Infinity }])).toEqual([5]);
  });
});

describe('never more leaves than the caps add up to', () => {
  const count = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Infinity));
  const anyClimb = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 });
  const anySource = fc.record({
    caps: anyClimb,
    cold: fc.boolean(),
    perHour: count,
    perDay: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.constant(Infinity)),
    laneHour: count,
    tick: fc.integer({ min: 1, max: 24 * 60 }),
    spell: fc.option(fc.record({ until: fc.integer({ min: 1, max: 600 }), perHour: fc.integer({ min: 0, max: 20 }) }), { nil: undefined }),
  });
  const anyMail = fc.array(
    fc.record({
      provider: fc.constantFrom('a', 'b'),
      count: fc.integer({ min: 1, max: 20_000 }),
      hours: fc.integer({ min: 0, max: 120 }),
      warmOnly: fc.boolean(),
    }),
    { maxLength: 5 },
  );

  const promise = (): void =>
    fc.assert(
      fc.property(fc.array(anySource, { maxLength: 4 }), anyMail, (some, waiting) => {
        const sources = some.map((s, i): SourceAhead => ({
          ...hot(),
          name: `s${i}`,
          perHour: s.perHour,
          perDay: s.perDay,
          spells: s.spell ? [{ until: T0 + s.spell.until * MINUTE, perHour: s.spell.perHour }] : [],
          lanes: [lane('a', { perHour: s.laneHour }), lane('b')],
          nextTick: T0 + s.tick * MINUTE,
          ...(s.cold ? { climb: climb(s.caps) } : {}),
        }));
        const f = foretell(
          sources,
          waiting.map(m => mail(m.count, { provider: m.provider, expires: T0 + m.hours * HOUR, warmOnly: m.warmOnly })),
        );
        let left = waiting.reduce((sum, m) => sum + m.count, 0);
        f.days.forEach((day, i) => {
          left -= day.leaves + day.expires;
          expect(day.waiting).toBe(left);
          // At most one tick lies in a day, and a tick is at most one stage.
          const most = some.map(s => {
            const stage = s.cold ? Math.max(...s.caps.slice(0, i + 2)) : Infinity;
            return Math.min((Math.min(stage, s.perHour) * (day.until - day.from)) / HOUR || 0, 2 * s.perDay);
          });
          expect(day.leaves).toBeLessThanOrEqual(most.reduce((a, b) => a + b, 0));
          day.sources.forEach(s => expect(s.leaves).toBeLessThanOrEqual(s.allows));
        });
        expect(left).toBe(0);
        expect(f.leaves + f.expires).toBe(f.waiting);
      }),
      { numRuns: 200 },
    );

  it('whatever waits, and nothing is lost from the sum', promise);

  it('counter-test: without stages it does not hold', () => {
    vi.spyOn(Walk.prototype, 'now', 'get').mockReturnValue({ stage: 1, perHour: Infinity, perDay: Infinity, needs: 0 });
    expect(promise).toThrow();
  });
});

describe('the governor’s forecast', () => {
  const from = { file: 'rampd.yaml', line: 9, col: 3 };
  const gates = {
    advance: [{ metric: 'sent' as const, op: '>=' as const, value: 0.5, from, text: 'sent >= 50%' }],
    hold: [],
    stepBack: [],
    minSample: 20,
  };
  const ground = (more: Parameters<typeof schedule>[2] = {}) =>
    settings({
      sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.9', {}, { schedule: 'ramp', stage: 1, from })],
      schedules: [schedule('ramp', [20, 40, 80], { gates, ...more })],
      providers: [provider('alpha', { maxMsgPerHour: 30 }), provider('beta')],
      defaults: { pacing: 'burst', bounceAfter: LIFE },
    });
  const stand = (more: Parameters<typeof schedule>[2] = {}): Stand => {
    const s = new Stand(ground(more));
    s.governor.setNextTick('cold', T0 + DAY);
    return s;
  };
  const waits = (count: number, more: Partial<WaitingMail> = {}): WaitingMail => ({
    provider: 'beta',
    warmOnly: false,
    ages: [{ accepted: T0, count }],
    ...more,
  });
  const told = (s: Stand, ...waiting: WaitingMail[]) => s.governor.forecast(['cold'], waiting, s.now);

  it('reads stages, gates, provider limits and bounce-after', () => {
    expect(leaves(told(stand(), waits(2_000)))).toEqual([480, 960, 560]);
    expect(told(stand(), waits(600)).unearned).toMatchObject([{ source: 'cold', stage: 2, stages: 3, needs: 160, sends: 120 }]);
    // 480, then 30 an hour is all that alpha takes.
    expect(leaves(told(stand(), waits(2_000, { provider: 'alpha' })))).toEqual([480, 720, 720, 80]);
    expect(told(stand(), waits(10, { ages: [{ accepted: T0 - LIFE, count: 10 }] }))).toMatchObject({ leaves: 0, expires: 10 });
    expect(leaves(told(stand({ advance: 'calendar' }), waits(100, { provider: 'alpha' }), waits(900)))).toEqual([480, 520]);
  });

  it('reckons with windows, pauses and what today has used', () => {
    const s = stand();
    s.send({ source: 'cold', provider: 'beta' }, match({ rule: rule('slow', { window: 2 * HOUR, recover: 0, maxMsgPerHour: 5 }) }));
    expect(told(s, waits(1_000)).days[0]?.leaves).toBe(2 * 5 + 22 * 20);
    s.governor.pause({ kind: 'source', name: 'cold' }, 'operator:ann', undefined, s.now);
    expect(told(s, waits(10))).toMatchObject({ leaves: 0, stopped: ['cold: paused (operator:ann)'] });
    const capped = new Stand({
      ...ground(),
      sources: new Map([['cold', source('cold', '192.0.2.9', { maxMsgPerDay: 30 }, { schedule: 'ramp', stage: 1, from })]]),
    });
    capped.governor.setNextTick('cold', T0 + DAY);
    capped.send({ source: 'cold', provider: 'beta' }, match(), 10);
    expect(leaves(told(capped, waits(50)))).toEqual([20, 30]);
  });

  it.each([
    ['hold', undefined, [480, 480, 40]],
    ['advance', undefined, [960, 40]],
    ['graduate', undefined, [1_000]],
    ['restart', 2, [960, 40]],
  ] as [StageVerb, number | undefined, number[]][])('after %s', (verb, stage, expected) => {
    const s = stand();
    s.governor.stage(verb, 'cold', stage === undefined ? {} : { stage }, 'operator:ann', undefined, s.now);
    expect(leaves(told(s, waits(1_000)))).toEqual(expected);
  });

  it('takes a braked day and its step back into account', () => {
    const s = stand();
    s.governor.stage('advance', 'cold', { stage: 3 }, 'operator:ann', undefined, s.now);
    s.send({ source: 'cold', provider: 'beta' }, match({ rule: rule('back', { bare: true, warmUp: 'step-back', class: 'block.ip' }) }));
    // Braked: 40 an hour, then stage 2 to be earned, then stage 3.
    expect(leaves(told(s, waits(3_000)))).toEqual([960, 960, 1_080]);
    expect(told(s, waits(3_000)).days.map(d => d.sources[0]?.stage)).toEqual([3, 2, 3]);
  });

  it('changes nothing', () => {
    const s = stand();
    const before = s.governor.snapshot();
    told(s, waits(5_000), waits(3, { provider: 'nobody-yet', providers: 12 }));
    expect(s.governor.snapshot()).toEqual(before);
    expect(s.governor.lanes()).toEqual([]);
  });
});
