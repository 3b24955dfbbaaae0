/** Providers with stages of their own, and growth. */
import { describe, expect, it } from 'vitest';
import { DAY } from '../../src/kernel/units.js';
import { ADDRESS, START, World, hourly, limits, schedule, settings, source } from './warm-up-world.js';

const LADDER = hourly(20, 40, 80, 160);
const HALF = hourly(10, 20, 40, 80);
const OWN = { providers: new Map([['microsoft', { stages: HALF, from: { file: 'schedules/test.yaml', line: 12, col: 3 } }]]) };
const world = (more: Parameters<typeof schedule>[1] = {}, words: Parameters<typeof source>[0] = {}) =>
  new World(settings([schedule(LADDER, { ...OWN, ...more })], [source(words)]));
const lane = (w: World, provider = 'microsoft') => w.ramp.laneCaps('cold-1', provider, w.now);
const laneCap = (w: World) => lane(w)?.limits.maxMsgPerHour?.value;

describe('a provider with its own stage', () => {
  it('has its own caps, on its own lane alone', () => {
    const w = world();
    expect(lane(w)).toMatchObject({ stage: 1, of: 4, braked: false });
    expect(laneCap(w)).toBe(10);
    expect(lane(w, 'google')).toBeUndefined();
    expect(w.caps().limits.maxMsgPerHour?.value).toBe(20);
  });

  it('is judged on its own lane, and may lag its source', () => {
    const w = world().send(80).send(39, 'delivered', 'microsoft').tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([2, 1]);
    w.send(160).send(40, 'delivered', 'microsoft').tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([3, 2]);
  });

  it('never leads its source', () => {
    const w = world().send(40, 'delivered', 'microsoft').send(20).tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([1, 1]);
    expect(w.last).toMatchObject({ type: 'stage-held', provider: 'microsoft' });
    expect(w.last.text).toContain('it does not lead its source');
  });

  it('keeps its outcomes out of the source’s rates, and its volume in the source’s `sent`', () => {
    const w = world().send(40).send(40, 'mailbox.unknown', 'microsoft').tick();
    expect(w.records.find(r => r.type === 'stage-advanced' && r.provider === undefined)?.text).toContain('sent 80 of 160, delivered 100 %');
    expect(w.progress('microsoft').stage).toBe(1);
  });

  it('brakes alone, and is followed by nobody', () => {
    const w = world({}, { stage: 3 }).send(40).send(20, 'delivered', 'microsoft');
    w.changes.length = 0;
    w.send(3, 'block.ip', 'microsoft');
    expect(w.changes).toEqual(['cold-1/microsoft']);
    expect(laneCap(w)).toBe(20);
    expect(w.caps()).toMatchObject({ stage: 3, braked: false });
    w.send(280).tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([4, 2]);
  });

  it('comes down with its source', () => {
    const w = world({}, { stage: 3 }).send(50).send(5, 'block.ip').tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([2, 2]);
    const fell = w.records.find(r => r.provider === 'microsoft' && r.text.startsWith('with its source'));
    const cause = w.records.find(r => r.provider === undefined && r.type === 'stage-back');
    expect(fell?.cause).toBe(cause?.id);
    expect(laneCap(w)).toBe(20);
  });

  it('does not keep its source from advancing when all mail goes to it', () => {
    const w = world();
    w.send(80, 'delivered', 'microsoft').tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([2, 2]);
    w.send(160, 'delivered', 'microsoft').send(40, 'transient', 'microsoft').tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([2, 2]);
  });

  it('goes on by itself when its source is warm, and becomes warm after it', () => {
    const w = world({}, { stage: 4 }).send(640).send(5, 'delivered', 'microsoft').tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    expect(w.progress('microsoft').graduated).toBe(false);
    w.send(320, 'delivered', 'microsoft').tick();
    expect(w.progress('microsoft').graduated).toBe(true);
    expect(laneCap(w)).toBe(80);
  });

  it('stays at its last stage until its source is warm', () => {
    const short = { providers: new Map([['microsoft', { stages: hourly(10, 20), from: schedule(LADDER).from }]]) };
    const w = world(short, { stage: 3 }).send(320, 'delivered', 'microsoft').send(20).tick();
    expect(w.progress('microsoft')).toMatchObject({ stage: 2, graduated: false });
    expect(laneCap(w)).toBe(20);
  });

  it('that the schedule gains later begins where its source stands', () => {
    const w = new World(settings([schedule(LADDER)], [source({ stage: 3 })]));
    w.reload(settings([schedule(LADDER, OWN)], [source({ stage: 3 })]));
    expect(lane(w)?.stage).toBe(3);
  });

  it('that the schedule loses keeps its caps until the source earns a day', () => {
    const w = world();
    w.reload(settings([schedule(LADDER)]));
    expect(laneCap(w)).toBe(10);
    w.send(30).tick();
    expect(laneCap(w)).toBe(10);
    w.send(80).tick();
    expect(lane(w)).toBeUndefined();
    expect(w.last.state).toEqual({ [`progress:${ADDRESS}/microsoft`]: null });
  });

  it('is cooled by its own silence', () => {
    const w = world({}, { stage: 3 });
    w.send(1, 'delivered', 'microsoft');
    for (let day = 0; day < 10; day++) w.send(1).tick();
    expect([w.progress().stage, w.progress('microsoft').stage]).toEqual([3, 2]);
  });
});

describe('growth', () => {
  const STEEP = hourly(20, 400);
  const daily = (w: World, provider = 'google') => lane(w, provider)?.limits.maxMsgPerDay?.value;
  const grown = (stage = 1) => new World(settings([schedule(STEEP, { growth: 2 })], [source({ stage })]));
  /** At stage 2, with a day of `n` behind it. */
  const after = (n: number) => grown().tick().send(n).tick();

  it('allows a lane the day of the first stage, then twice its best day', () => {
    const w = after(100);
    expect(daily(w)).toBe(480);
    w.send(400).tick();
    expect(daily(w)).toBe(800);
    expect(daily(w, 'yahoo')).toBe(480);
    expect(lane(w, 'google')?.limits.maxMsgPerDay?.from).toEqual(schedule(STEEP).from);
  });

  it('says nothing where the source’s own caps say as much', () => {
    expect(daily(grown())).toBeUndefined();
    expect(daily(after(4_799))).toBe(9_598);
    expect(daily(after(4_800))).toBeUndefined();
  });

  it('takes the stage a person named for the first', () => {
    expect(daily(grown(2).send(1).tick())).toBeUndefined();
  });

  it('does not count the running day', () => {
    expect(daily(after(100).send(450))).toBe(480);
  });

  it('forgets a day after 30 days', () => {
    const w = after(900);
    expect(daily(w)).toBe(1_800);
    for (let day = 0; day < 29; day++) w.send(1).tick();
    expect(daily(w)).toBe(1_800);
    w.send(1).tick();
    expect(daily(w)).toBe(480);
  });

  it('finds the best day again, whatever came after it', () => {
    const best = (...days: readonly number[]) => {
      const w = grown().tick();
      for (const n of days) w.send(n).tick();
      return daily(w);
    };
    expect(best(900, 300, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)).toBe(1_800);
    expect(best(300, 900, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)).toBe(1_800);
    expect(best(300, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 900)).toBe(1_800);
    const w = after(900).send(400).tick();
    for (let day = 0; day < 29; day++) w.send(1).tick();
    expect(daily(w)).toBe(800);
  });

  it('binds for 30 days after graduation', () => {
    const w = grown(2).tick().send(5_000).tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    // The cap it keeps allows 9,600 a day: growth has nothing to add until the source states a higher one.
    expect(daily(w)).toBeUndefined();
    const fast = source({ stage: 2 }, { limits: limits({ hour: 50_000 }) });
    w.reload(settings([schedule(STEEP, { growth: 2 })], [fast]));
    expect(daily(w)).toBe(10_000);
    w.send(1).tick(9);
    w.send(1).tick(9);
    w.send(1).tick(9);
    w.send(1).tick(2);
    expect(w.now - (w.progress().graduatedAt ?? 0)).toBe(29 * DAY);
    expect(daily(w)).toBe(10_000);
    w.tick();
    expect(daily(w)).toBeUndefined();
  });

  it('is no higher after a reload; a higher factor waits for the tick', () => {
    const w = after(400);
    expect(daily(w)).toBe(800);
    w.reload(settings([schedule(STEEP, { growth: 4 })]));
    expect(daily(w)).toBe(800);
    w.send(1).tick();
    expect(daily(w)).toBe(1_600);
    w.reload(settings([schedule(STEEP, { growth: 2 })]));
    expect(daily(w)).toBe(800);
  });

  it('is off when it is Infinity', () => {
    const w = new World(settings([schedule(STEEP)]), START).send(100).tick();
    expect(lane(w, 'google')).toBeUndefined();
  });
});
