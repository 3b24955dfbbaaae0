/** Forecasts from queues: ages guessed from their first rows, providers told apart, what is held left out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoWith } from '../../src/control/views.js';
import { agesOf, like } from '../../src/daemon/ages.js';
import { Forecasts, type ForecastParts } from '../../src/daemon/forecasts.js';
import { createOperations, type OperationsParts } from '../../src/daemon/operations.js';
import type { WaitingMail } from '../../src/kernel/forecast.js';
import type { Settings } from '../../src/kernel/settings.js';
import { DAY, HOUR, MINUTE, schedule, settings, source, Stand, T0 } from '../govern/ground.js';

const from = { file: 'rampd.yaml', line: 12, col: 3 };
const iso = isoWith(0);

describe('ages', () => {
  it('are exact when every row is there', () => {
    expect(agesOf([3, 1, 2], 3, 9)).toEqual([
      { accepted: 3, count: 1 },
      { accepted: 1, count: 1 },
      { accepted: 2, count: 1 },
    ]);
  });

  it('go on at the pace of the first rows: a campaign stays old, a trickle reaches until now', () => {
    const campaign = agesOf([0, 10, 20], 803, 1e9);
    expect(Math.max(...campaign.map(a => a.accepted))).toBe(20 + 10 * 750);
    const trickle = agesOf([0, 1_000, 2_000], 803, 5_000);
    expect(trickle.at(-1)).toEqual({ accepted: 5_000, count: 100 });
    expect(agesOf([7, 7], 10, 99).every(a => a.accepted === 7)).toBe(true);
    expect(agesOf([], 10, 99)).toEqual([{ accepted: 99, count: 10 }]);
  });

  it('are whole and lose nobody, guessed or taken from others', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 16 }), fc.integer({ min: 1, max: 100_000 }), (heads, waiting) => {
        const ages = agesOf(heads, waiting, 1_000);
        expect(ages.reduce((sum, a) => sum + a.count, 0)).toBe(waiting);
        expect(ages.every(a => a.accepted <= 1_000 && Number.isInteger(a.count))).toBe(true);
        const more = like(ages, 77);
        expect(more.reduce((sum, a) => sum + a.count, 0)).toBe(77);
        expect(more.every(m => ages.some(a => a.accepted === m.accepted))).toBe(true);
      }),
    );
    expect(like([], 5)).toEqual([]);
  });
});

interface Words {
  readonly domain: string;
  readonly waiting: number;
  readonly pool?: string;
  readonly warmUp?: string;
  readonly provider?: string;
  readonly place?: string;
  readonly accepted?: readonly number[];
}

function ground(words: readonly Words[], warm = false) {
  const base = settings({
    sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.9', {}, { schedule: 'ramp', stage: 1, from })],
    schedules: [schedule('ramp', [20])],
    defaults: { bounceAfter: DAY },
  });
  const pool = (name: string, sources: string[]) => [name, { name, sources: sources.map(s => ({ source: s, weight: 1 })), from }] as const;
  const all = {
    ...base,
    pools: new Map([pool('main', warm ? ['cold', 'hot'] : ['cold']), pool('other', ['cold']), pool('empty', ['cold'])]),
  } as unknown as Settings;
  const s = new Stand(all);
  s.governor.setNextTick('cold', T0 + DAY);
  let peeked = 0;
  const queues = words.map((w, id) => ({
    id,
    pool: w.pool ?? 'main',
    domain: w.domain,
    warmUp: w.warmUp ?? 'allow',
    waiting: w.waiting,
    peek: (n: number) => (peeked++, (w.accepted ?? [T0]).slice(0, n).map(accepted => ({ accepted }))),
  }));
  const waiting = new Map(words.map((w, id) => [id, { queue: queues[id], provider: w.provider, place: w.place ?? 'ready' }]));
  const asked: (readonly WaitingMail[])[] = [];
  const parts = {
    clock: { now: () => s.now, wall: () => s.now },
    settings: () => all,
    governor: {
      isWarm: (name: string) => s.governor.isWarm(name),
      forecast: (sources: readonly string[], mail: readonly WaitingMail[], now: number) => {
        asked.push(mail);
        return s.governor.forecast(sources, mail, now);
      },
    },
    store: { queues: () => queues },
    dispatcher: { backlog: { waiting } },
  } as unknown as ForecastParts;
  return { s, parts, forecasts: new Forecasts(parts), asked, peeked: () => peeked };
}

describe('the forecast of a pool', () => {
  it('tells providers and wishes apart, and leaves out what is held, and other pools', () => {
    const { forecasts, asked } = ground([
      { domain: 'a.test', waiting: 100, provider: 'alpha' },
      { domain: 'b.test', waiting: 50, provider: 'alpha', warmUp: 'never' },
      { domain: 'c.test', waiting: 40 },
      { domain: 'd.test', waiting: 30, place: 'stuck' },
      { domain: 'e.test', waiting: 20, pool: 'other' },
      { domain: 'f.test', waiting: 0 },
    ]);
    const view = forecasts.view('main', iso);
    expect(asked[0]?.map(({ provider, warmOnly, ages }) => [provider, warmOnly, ages.reduce((sum, a) => sum + a.count, 0)])).toEqual([
      ['alpha', false, 100],
      ['alpha', true, 50],
      ['', false, 40],
    ]);
    expect(view).toMatchObject({ pool: 'main', onlyCold: true, waiting: 190, held: 30, shared: [{ pool: 'other', waiting: 20 }] });
    expect(view.days[0]).toMatchObject({ from: iso(T0), sources: [{ name: 'cold', stage: 1 }] });
    expect(() => forecasts.view('nobody', iso)).toThrow('there is no pool nobody; pools are main, other, empty');
  });

  it('looks into a bounded number of queues and takes the rest to be like them', () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({ domain: `d${i}`, waiting: 3, provider: `p${i}`, accepted: [T0 - HOUR] }));
    const { forecasts, asked, peeked } = ground(many);
    expect(forecasts.view('main', iso).waiting).toBe(6_000);
    expect(peeked()).toBe(500);
    const [mail = []] = asked;
    expect(mail).toHaveLength(51);
    expect(mail.at(-1)).toMatchObject({ provider: '', providers: 1_950 });
    expect(mail.every(m => m.ages.every(a => a.accepted <= T0))).toBe(true);
  });

  it('in a sentence: only where no source is warm and something expires, made once a minute', () => {
    const tooMuch = [{ domain: 'a.test', waiting: 1_000, provider: 'alpha' }];
    const { s, forecasts, asked } = ground(tooMuch);
    const sentence = 'pool main has only warming sources: about 520 of 1,000 that wait will expire before they can leave';
    expect(forecasts.sentence('main')).toBe(sentence);
    expect(forecasts.sentence('main')).toBe(sentence);
    expect(asked).toHaveLength(1);
    s.now += MINUTE;
    expect(forecasts.sentence('main')).toMatch(/about 5\d\d of 1,000/);
    expect(asked).toHaveLength(2);
    expect(ground(tooMuch, true).forecasts.sentence('main')).toBeUndefined();
    expect(ground([{ domain: 'a.test', waiting: 100 }]).forecasts.sentence('main')).toBeUndefined();
    expect(ground([{ domain: 'a.test', waiting: 10, accepted: [T0 - 2 * DAY] }]).forecasts.sentence('main')).toBe(
      'pool main has only warming sources: all 10 that wait will expire before they can leave',
    );
  });

  it('stands beside its queues, unless they have something to say themselves', () => {
    const { parts } = ground([{ domain: 'a.test', waiting: 1_000, provider: 'alpha' }]);
    const queue = { pool: 'main', domain: 'a.test', provider: 'alpha', waiting: 1_000, oldest: null, nextDue: null };
    const mailroom = { queues: () => [queue, { ...queue, note: 'paused by operator:ann' }, { ...queue, pool: 'empty' }] };
    const operations = createOperations({ ...parts, mailroom } as unknown as OperationsParts);
    expect(operations.queues().map(q => q.note)).toEqual([
      expect.stringContaining('about 520 of 1,000 that wait will expire'),
      'paused by operator:ann',
      undefined,
    ]);
  });
});
