import { describe, expect, it } from 'vitest';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { ADDRESS, GATES, PLACE, START, World, capNow, hourly, limits, schedule, settings, source, stagesOf } from './warm-up-world.js';

const LADDER = hourly(20, 40, 80, 160);
const world = (more: Parameters<typeof schedule>[1] = {}, words: Parameters<typeof source>[0] = {}) =>
  new World(settings([schedule(LADDER, more)], [source(words)]));
const cap = (w: World) => capNow(w.ramp, w.now);

describe('earning a day', () => {
  it('begins at stage 1 and says so', () => {
    const w = world();
    expect(w.caps()).toMatchObject({ stage: 1, of: 4, braked: false });
    expect(w.caps().limits.maxMsgPerHour).toEqual({ value: 20, from: PLACE });
    expect(w.last).toMatchObject({ type: 'stage-placed', author: 'daemon', text: 'begins at stage 1/4, 20/h', source: 'cold-1' });
    expect(w.last.state).toEqual({ [`progress:${ADDRESS}`]: w.progress() });
  });

  it('advances after half of eight hours at the cap', () => {
    const w = world().send(80).tick();
    expect(w.caps()).toMatchObject({ stage: 2 });
    expect(cap(w)).toBe(40);
    expect(w.last).toMatchObject({ type: 'stage-advanced', author: 'gate' });
    expect(w.last.text).toBe('day earned: sent 80 of 160, delivered 100 %: stage 2/4, 40/h');
  });

  it('stays when one message is missing', () => {
    const w = world().send(79).tick();
    expect(w.caps().stage).toBe(1);
    expect(w.last.text).toBe('day not earned: sent 79 of 160, gate >= 50%: stage 1/4, 20/h');
  });

  it('measures against max-msg-per-day where a stage states one', () => {
    const days = stagesOf([limits({ hour: 20, day: 60 }), limits({ hour: 40, day: 100 })]);
    const at = (n: number) => new World(settings([schedule(days)])).send(n).tick().caps().stage;
    expect([at(29), at(30)]).toEqual([1, 2]);
  });

  it('does not age an address by the calendar', () => {
    expect(world().tick(9).caps().stage).toBe(1);
  });

  it('climbs to the last stage and graduates there', () => {
    const w = world();
    for (const n of [80, 160, 320]) w.send(n).tick();
    expect(w.caps().stage).toBe(4);
    expect(w.ramp.stageOf('cold-1')).toBe(4);
    w.send(640).tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    expect(w.last).toMatchObject({ type: 'graduated' });
    expect(w.progress()).toMatchObject({ graduated: true, graduatedAt: w.now, earnedPerHour: 160 });
  });

  it('ends the ramp at the target', () => {
    const w = world({}, { target: 100 });
    w.send(80).tick().send(160).tick();
    expect(w.caps()).toMatchObject({ stage: 3, of: 4 });
    w.send(320).tick();
    expect(w.caps()).toMatchObject({ stage: 4, of: 4 });
    expect(cap(w)).toBe(100);
    w.send(399).tick();
    expect(cap(w)).toBe(100);
    w.send(400).tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    expect(w.last.text).toMatch(/last stage earned, warm; it keeps max-msg-per-hour 100\/h until the source states its own$/);
    expect(cap(w)).toBe(100);
  });

  it('starts at the stage a person names, only while the address has no progress', () => {
    const w = world({}, { stage: 3 });
    expect(cap(w)).toBe(80);
    w.reload(settings([schedule(LADDER)], [source({ stage: 4 })]));
    expect(cap(w)).toBe(80);
  });

  it('keeps progress by address: a new name keeps it, a new address begins again', () => {
    const w = world().send(80).tick();
    w.reload(settings([schedule(LADDER)], [source({}, { name: 'warm-at-last' })]));
    expect(w.caps('warm-at-last').stage).toBe(2);
    w.reload(settings([schedule(LADDER)], [source({}, { address: '203.0.113.22' })]));
    expect(w.caps().stage).toBe(1);
    w.reload(settings([schedule(LADDER)], [source()]));
    expect(w.caps().stage).toBe(2);
  });
});

describe('calendar mode', () => {
  const calendar = (words = {}) => world({ advance: 'calendar' }, words);

  it('advances with too little mail, and with none it does so until silence cools', () => {
    expect(calendar().send(5).tick().caps().stage).toBe(2);
    expect(calendar().tick(2).caps().stage).toBe(3);
  });

  it('is still held and stepped back by its gates', () => {
    expect(calendar().send(80).send(20, 'transient').tick().caps().stage).toBe(1);
    const back = calendar({ stage: 3 }).send(80).send(20, 'block.ip').tick();
    expect(back.caps().stage).toBe(2);
    const w = calendar();
    w.windowOpen = 5 * HOUR;
    expect(w.tick().caps().stage).toBe(1);
  });

  it('counts the days from `started`', () => {
    const w = calendar({ started: '2026-02-28' });
    expect(w.caps().stage).toBe(3);
  });
});

describe('`started`', () => {
  it('lets nothing leave before its day, in the zone of the schedule', () => {
    const w = world({ timezone: 'America/New_York' }, { started: '2026-03-04' });
    const midnight = Date.UTC(2026, 2, 4, 5);
    expect(w.caps().suspended).toEqual({ why: 'not started', until: midnight, from: 'schedules/test.yaml:9:3' });
    expect(capNow(w.ramp, midnight - 1)).toBe(0);
    expect(capNow(w.ramp, midnight)).toBe(20);
  });

  it('keeps the calendar from running before it', () => {
    const w = world({ advance: 'calendar' }, { started: '2026-03-05' });
    expect(w.tick(3).caps().stage).toBe(1);
    expect(w.tick().caps().stage).toBe(2);
  });

  it('gives day 1 its length', () => {
    const w = world({ advance: 'calendar' });
    w.ramp.judge('cold-1', START + HOUR, START + HOUR);
    expect(w.caps().stage).toBe(1);
    expect(w.tick().caps().stage).toBe(2);
  });
});

describe('rates', () => {
  it('count each recipient once, by its last outcome', () => {
    const w = world().send(70);
    let carried = w.again([], 'transient');
    for (let i = 0; i < 9; i++) carried = w.again(carried, 'transient');
    const many = Array.from({ length: 10 }, () => w.again([], 'transient'));
    for (const counted of many) w.again(counted, 'delivered');
    expect(w.ramp.today('cold-1', undefined, w.now)).toEqual({ attempts: 100, recipients: 81, delivered: 80, deferred: 1, bounced: 0 });
    expect(w.tick().caps().stage).toBe(2);
  });

  it('would hold, were every attempt counted', () => {
    const w = world().send(80);
    for (let i = 0; i < 10; i++) w.again([], 'transient');
    expect(w.tick().last).toMatchObject({ type: 'stage-held', author: 'gate' });
  });

  it('leave out what says nothing of the address', () => {
    for (const left of ['greylist', 'throttle.recipient', 'mailbox.full', 'network', 'dns'] as const) {
      const w = world().send(40).send(60, left).tick();
      expect(w.last.text).toContain('sent 100 of 160, delivered 100 %');
    }
  });

  it('give absolute rows to commit', () => {
    const w = world();
    const first = w.ramp.count('cold-1', 'google', [], 'greylist', w.now);
    const day = START - 20 * HOUR;
    expect(first.row).toEqual({ address: ADDRESS, provider: 'google', day, attempts: 1, recipients: { greylist: 1 } });
    const second = w.ramp.count('cold-1', 'google', first.counted, 'delivered', w.now);
    expect(second.row).toEqual({ address: ADDRESS, provider: 'google', day, attempts: 2, recipients: { delivered: 1 } });
    expect(second.counted).toEqual([{ source: ADDRESS, provider: 'google', day, class: 'delivered' }]);
  });

  it('bound the list a recipient carries', () => {
    const w = world();
    let carried = w.again([], 'transient');
    for (let i = 0; i < 40; i++) carried = w.again(carried, 'transient', `mx-${i}`);
    expect(carried.length).toBe(16);
  });
});

describe('too little mail', () => {
  it('is counted on to the next tick', () => {
    const few = hourly(3, 6);
    const w = new World(settings([schedule(few)]));
    w.send(15).tick();
    expect(w.last.text).toBe('too little mail to judge: 15 of at least 20 recipients: stage 1/2, 3/h');
    w.send(5).tick();
    expect(w.caps().stage).toBe(2);
    expect(w.progress().countsFrom).toBeUndefined();
  });

  it('counts a recipient of two such days once', () => {
    const w = new World(settings([schedule(hourly(3, 6))]));
    w.send(15);
    const carried = w.again([], 'transient');
    w.tick();
    const result = w.ramp.count('cold-1', 'google', carried, 'delivered', w.now);
    expect(result.also).toEqual([
      { address: ADDRESS, provider: 'google', day: START - 20 * HOUR, attempts: 16, recipients: { delivered: 15 } },
    ]);
    w.send(3);
    expect(w.tick().last.text).toContain('too little mail to judge: 19 of');
    w.send(1);
    expect(w.tick().caps().stage).toBe(2);
  });

  it('is not counted on when the day was judged', () => {
    const w = world().send(30).tick();
    expect(w.last.text).toContain('day not earned: sent 30 of 160');
    w.send(50).tick();
    expect(w.caps().stage).toBe(1);
  });
});

describe('the brake', () => {
  it('lowers the caps at once, and the stage with the tick', () => {
    const w = world({}, { stage: 3 }).send(97).send(2, 'block.ip');
    expect(cap(w)).toBe(80);
    w.changes.length = 0;
    w.send(1, 'block.dnsbl');
    expect(cap(w)).toBe(40);
    expect(w.caps()).toMatchObject({ stage: 3, braked: true });
    expect(w.changes).toEqual(['cold-1']);
    expect(w.last).toMatchObject({ type: 'stage-braked', author: 'gate' });
    expect(w.last.text).toBe('block-rate 3 % (3 of 100), gate > 1% (schedules/test.yaml:30:3): caps of stage 2/4, 40/h, until the tick');
    w.tick();
    expect(w.caps()).toMatchObject({ stage: 2, braked: false });
    expect(cap(w)).toBe(40);
    expect(w.last).toMatchObject({ type: 'stage-back', text: 'the day was braked: stage 2/4, 40/h' });
  });

  it('pays one step back a day, however bad the day gets', () => {
    const w = world({}, { stage: 4 }).send(50, 'block.ip');
    expect(w.records.filter(r => r.type === 'stage-braked').length).toBe(1);
    w.send(50, 'block.ip').tick();
    expect(w.caps().stage).toBe(3);
  });

  it('steps back even when the rest of the day was good', () => {
    const w = world({}, { stage: 3 }).send(20).send(3, 'block.ip').send(900);
    expect(w.tick().caps().stage).toBe(2);
  });

  it('stops stage 1 until the tick', () => {
    const w = world();
    w.ramp.setNextTick('cold-1', START + DAY);
    w.send(20).send(3, 'block.ip');
    expect(w.caps().suspended).toEqual({ why: 'braked at stage 1', until: START + DAY, from: 'schedules/test.yaml:30:3' });
    expect(cap(w)).toBe(0);
    w.tick();
    expect(cap(w)).toBe(20);
    expect(w.caps().stage).toBe(1);
  });

  it('does not act below min-sample, or on two events', () => {
    const few = world({}, { stage: 2 }).send(19, 'block.ip');
    expect(few.caps().braked).toBe(false);
    expect(few.send(1).caps().braked).toBe(true);
    expect(world({}, { stage: 2 }).send(30).send(2, 'block.ip').caps().braked).toBe(false);
  });

  it('answers to a rule that asks for a step back', () => {
    const w = world({}, { stage: 2 });
    w.ramp.stepBackByRule('cold-1', 'google', 17, 'rule:google/bad-reputation', w.now);
    expect(cap(w)).toBe(20);
    expect(w.last).toMatchObject({ type: 'stage-braked', author: 'rule:google/bad-reputation', cause: 17 });
    w.ramp.stepBackByRule('cold-1', 'google', 18, 'rule:google/bad-reputation', w.now);
    expect(w.tick().caps().stage).toBe(1);
  });

  it('is pulled by complaints too', () => {
    const w = new World(settings([schedule(hourly(1000, 2000))], [source({ stage: 2 })], ['yahoo']));
    w.send(1_000, 'delivered', 'yahoo');
    for (let i = 0; i < 3; i++) w.ramp.complain({ address: ADDRESS, provider: 'yahoo' }, w.now);
    expect(w.caps().braked).toBe(false);
    w.ramp.complain({ address: ADDRESS, provider: 'yahoo' }, w.now);
    expect(w.caps().braked).toBe(true);
  });

  it('hears no complaints where no provider reports', () => {
    const w = new World(settings([schedule(hourly(1000, 2000))], [source({ stage: 2 })]));
    w.send(1_000, 'delivered', 'yahoo');
    for (let i = 0; i < 50; i++) w.ramp.complain({ address: ADDRESS, provider: 'yahoo' }, w.now);
    expect(w.caps().braked).toBe(false);
  });
});

describe('three step-backs', () => {
  const bad = (w: World) => w.send(40).send(10, 'block.ip');

  it('with no earned day between suspend until a person releases', () => {
    const w = world({}, { stage: 4 });
    bad(w).tick();
    bad(w).tick();
    expect(cap(w)).toBe(40);
    bad(w);
    expect(w.caps().suspended).toMatchObject({ why: '3 step-backs without an earned day', until: null });
    expect(w.last.text).toContain('suspended until a person releases it');
    expect(capNow(w.tick(5).ramp, w.now)).toBe(0);
    expect(w.ramp.verb('release', 'cold-1', {}, 'operator:ann', 'list cleaned', w.now)).toBe('cold-1 is released at stage 1/4, 20/h');
    expect(cap(w)).toBe(20);
    expect(w.progress().stepBacks).toBe(0);
    expect(w.last).toMatchObject({
      type: 'released',
      author: 'operator:ann',
      text: 'cold-1 is released at stage 1/4, 20/h (list cleaned)',
    });
  });

  it('are forgotten with an earned day', () => {
    const w = world({}, { stage: 4 });
    bad(w).tick();
    bad(w).tick();
    w.send(160).tick();
    expect(w.progress().stepBacks).toBe(0);
    bad(w);
    expect(w.caps().suspended).toBeUndefined();
  });
});

describe('silence', () => {
  it('cools one stage after 10 days and one more every 7', () => {
    const w = world({}, { stage: 4 }).send(1);
    const after = (days: number) => {
      w.tick(days);
      return w.caps().stage;
    };
    expect([after(9), after(1), after(6), after(1), after(7)]).toEqual([4, 3, 3, 2, 1]);
    expect(w.records.filter(r => r.type === 'stage-back').map(r => r.text)).toEqual([
      'silent for 10d: stage 3/4, 80/h',
      'silent for 17d: stage 2/4, 40/h',
      'silent for 24d: stage 1/4, 20/h',
    ]);
  });

  it('takes no step twice, and none while held', () => {
    const w = world({}, { stage: 4 }).send(1).tick(10);
    w.ramp.verb('hold', 'cold-1', {}, 'operator:ann', undefined, w.now);
    expect(w.tick(8).caps().stage).toBe(3);
    w.ramp.verb('release', 'cold-1', {}, 'operator:ann', undefined, w.now);
    expect(w.tick().caps().stage).toBe(2);
  });

  it('begins anew with every mail', () => {
    const w = world({}, { stage: 4 }).send(1).tick(10);
    expect(w.caps().stage).toBe(3);
    w.send(1).tick(9);
    expect(w.caps().stage).toBe(3);
    expect(w.tick().caps().stage).toBe(2);
  });

  it('begins the ramp again after 30 days', () => {
    const w = world({ idle: { after: 10 * DAY, stepBack: 1, every: 20 * DAY, restartAfter: 30 * DAY } }, { stage: 4 })
      .send(1)
      .tick(29);
    expect(w.caps().stage).toBe(3);
    expect(w.tick().caps().stage).toBe(1);
  });

  it('cools graduated addresses too', () => {
    const w = world({}, { stage: 4 }).send(640).tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    w.tick(8);
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    w.tick();
    expect([w.ramp.stageOf('cold-1'), cap(w)]).toEqual([3, 80]);
    expect(w.tick(7).caps().stage).toBe(2);
  });

  it('says every day that a warm source stays warm: its days are counted from there', () => {
    const w = world({}, { stage: 4 }).send(640).tick();
    const records = w.records.length;
    w.send(1).tick(5);
    expect(w.records.slice(records).map(r => [r.type, r.text])).toEqual(Array(5).fill(['stage-held', 'warm']));
    expect(w.ramp.dayStart('cold-1', w.now)).toBe(w.day);
  });
});

describe('the days of a source', () => {
  it('begin with the tick, and with midnight UTC for a warm one', () => {
    const w = world();
    w.tick();
    expect(w.ramp.dayStart('cold-1', w.now + HOUR)).toBe(START + DAY);
    const warm = new World(settings([], [{ ...source(), warmUp: undefined } as never]));
    expect(warm.ramp.dayStart('cold-1', START)).toBe(START - 4 * HOUR);
    expect(warm.ramp.nextTick('cold-1', START)).toBe(START + 20 * HOUR);
    warm.send(3);
    expect(warm.ramp.attemptsToday('cold-1', undefined, START)).toBe(3);
    expect(warm.ramp.attemptsToday('cold-1', undefined, START + DAY)).toBe(0);
  });

  it('turn over at the tick even before it is judged', () => {
    const w = world().send(5);
    w.ramp.setNextTick('cold-1', START + DAY);
    expect(w.ramp.nextTick('cold-1', START)).toBe(START + DAY);
    expect(w.ramp.attemptsToday('cold-1', undefined, START + DAY - 1)).toBe(5);
    expect(w.ramp.attemptsToday('cold-1', undefined, START + DAY)).toBe(0);
    expect(w.ramp.nextTick('cold-1', START + DAY)).toBeNull();
    w.now = START + DAY + 1;
    w.send(75).tick();
    expect(w.caps().stage).toBe(1);
  });

  it('come back after a restart', () => {
    const w = world().send(60).send(10, 'transient');
    const rows = [w.ramp.count('cold-1', 'google', [], 'delivered', w.now).row];
    const again = new World(w.settings, w.now, w.ramp.snapshot());
    again.ramp.restoreDays(rows, again.now);
    expect(again.records).toEqual([]);
    expect(again.ramp.today('cold-1', undefined, again.now)).toEqual(w.ramp.today('cold-1', undefined, w.now));
    expect(again.ramp.status('cold-1', undefined, again.now)).toEqual(w.ramp.status('cold-1', undefined, w.now));
    again.day = w.day;
    expect(again.send(9).tick().last.text).toBe(w.send(9).tick().last.text);
  });
});

describe('a restart whose ticks are judged late', () => {
  it('keeps the attempts of the day that has begun since', () => {
    const w = world();
    const state = w.ramp.snapshot();
    w.tick().send(7);
    const again = new World(w.settings, START, state);
    again.ramp.restoreDays([w.ramp.count('cold-1', 'google', [], 'delivered', w.now).row], w.now);
    again.ramp.judge('cold-1', w.day, w.now);
    expect(again.ramp.attemptsToday('cold-1', 'google', w.now)).toBe(8);
    expect(again.ramp.attemptsToday('cold-1', undefined, w.now)).toBe(8);
  });
});

describe('a tick', () => {
  it('judged twice is judged once', () => {
    const w = world().send(80).tick();
    const records = w.records.length;
    w.ramp.judge('cold-1', w.day, w.now);
    w.ramp.judge('cold-1', w.day - HOUR, w.now);
    expect(w.records.length).toBe(records);
    expect(w.caps().stage).toBe(2);
  });

  it('within 20 hours of the last is ignored', () => {
    const w = world().send(80).tick().send(160);
    w.ramp.judge('cold-1', w.day + 20 * HOUR - 1, w.day + 20 * HOUR);
    expect(w.caps().stage).toBe(2);
    w.ramp.judge('cold-1', w.day + 20 * HOUR, w.day + 20 * HOUR);
    expect(w.caps().stage).toBe(3);
  });

  it('counts for a new address, however soon it comes', () => {
    const w = world().send(80);
    w.ramp.judge('cold-1', START + HOUR, START + HOUR);
    expect(w.caps().stage).toBe(2);
  });

  it('missed is judged on the counters of its own day', () => {
    const w = world().send(80);
    const later = START + 3 * DAY + HOUR;
    for (let day = 1; day <= 3; day++) w.ramp.judge('cold-1', START + day * DAY, later);
    expect(w.caps().stage).toBe(2);
    expect(w.progress().judgedThrough).toBe(START + 3 * DAY);
  });

  it('in the future is not judged', () => {
    const w = world().send(80);
    w.ramp.judge('cold-1', START + DAY, START + DAY - 1);
    expect(w.caps().stage).toBe(1);
  });

  it('asks for less when the daemon was down or the source paused', () => {
    const six = [START, START + 18 * HOUR] as const;
    const stage = (away: (w: World) => void) => {
      const w = world().tick();
      away(w);
      return w.send(60).tick().caps().stage;
    };
    // Six hours up at 20/h: 120, of which 60 are half.
    expect(stage(w => w.ramp.noteAway(undefined, six[0] + DAY, six[1] + DAY))).toBe(2);
    expect(stage(w => w.ramp.noteAway('cold-1', six[0] + DAY, six[1] + DAY))).toBe(2);
    expect(stage(w => w.ramp.noteAway('other', six[0] + DAY, six[1] + DAY))).toBe(1);
    expect(stage(() => undefined)).toBe(1);
  });
});

describe('status', () => {
  it('says where every gate stands and what a tick would do', () => {
    const w = world().send(80).send(9, 'transient');
    const status = w.ramp.status('cold-1', undefined, w.now);
    expect(status).toMatchObject({ schedule: 'test', stage: 1, of: 4, earned: false, held: false, braked: false, graduated: false });
    expect(status?.ifJudgedNow).toBe('held by gate: deferral-rate 10.1 % (9 of 89), gate > 10%: stage 1/4, 20/h');
    expect(status?.gates.map(g => [g.group, g.measured, g.met])).toEqual([
      ['advance', '89 of 160', true],
      ['advance', '89.9 %', false],
      ['hold', '10.1 % (9 of 89)', true],
      ['hold', '0 % (0 of 89)', false],
      ['hold', 'no data', false],
      ['hold', '0s', false],
      ['step-back', '0 % (0 of 89)', false],
      ['step-back', '10.1 % (9 of 89)', false],
      ['step-back', 'no data', false],
    ]);
    expect(world().send(80).ramp.status('cold-1', undefined, w.now)?.earned).toBe(true);
    expect(w.ramp.status('unknown', undefined, w.now)).toBeUndefined();
    expect(w.ramp.status('cold-1', 'google', w.now)).toBeUndefined();
  });

  it('changes nothing', () => {
    const w = world().send(80);
    const before = w.ramp.snapshot();
    w.ramp.status('cold-1', undefined, w.now + DAY);
    expect(w.ramp.snapshot()).toEqual(before);
    expect(w.records.length).toBe(1);
  });
});

describe('gates as written', () => {
  it('earn without a sample when min-sample is 1', () => {
    const w = world({ gates: { ...GATES, minSample: 1 } })
      .send(80)
      .tick();
    expect(w.caps().stage).toBe(2);
  });
});
