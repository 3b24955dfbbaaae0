/** A source at the end of its ramp: warm, and bound by its last stage's caps until it states its own. */
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/govern/ramp.js';
import type { Limits } from '../../src/kernel/limits.js';
import { HOUR, Stand, match, provider, schedule as ramp, settings as ground, source as from } from './ground.js';
import { ADDRESS, PLACE, World, capNow, hourly, limits, schedule, settings, source, stagesOf } from './warm-up-world.js';

const LAST = limits({ hour: 40, day: 300, out: 2, connect: 60 });
const LADDER = stagesOf([limits({ hour: 20, day: 100, out: 1, connect: 30 }), LAST]);
const OWN = { providers: new Map([['microsoft', { stages: hourly(10, 20), from: PLACE }]]) };
const under = (stated: Limits = {}, stages = LADDER, more: Parameters<typeof schedule>[1] = OWN) =>
  settings([schedule(stages, more)], [source({}, { limits: stated })]);
const warm = (stated: Limits = {}) => {
  const w = new World(under(stated));
  w.ramp.verb('graduate', 'cold-1', {}, 'operator:ann', undefined, w.now);
  w.ramp.verb('graduate', 'cold-1', { provider: 'microsoft' }, 'operator:ann', undefined, w.now);
  return w;
};
const cap = (w: World) => capNow(w.ramp, w.now);

describe('a graduated source', () => {
  it('keeps its last stage’s caps and the place they were written', () => {
    const w = warm();
    expect(w.caps()).toMatchObject({ stage: 2, of: 2, limits: LAST });
    expect(w.ramp.status('cold-1', undefined, w.now)).toMatchObject({ stage: 2, of: 2, graduated: true, earned: false });
    expect(w.records.find(r => r.type === 'graduated')?.text).toBe(
      'cold-1 is warm; it keeps max-smtp-out 2, max-msg-per-hour 40/h, max-msg-per-day 300, max-connect-rate 60/h until the source states its own',
    );
  });

  it('is limited by what it states itself instead, key by key', () => {
    const w = warm(limits({ hour: 9_000 }));
    expect(w.caps().limits).toEqual(limits({ day: 300, out: 2, connect: 60 }));
    w.reload(under(limits({ day: 90_000, out: 50 })));
    expect(w.caps().limits).toEqual(limits({ hour: 40, connect: 60 }));
    w.reload(under());
    expect(w.caps().limits).toEqual(LAST);
  });

  it('is limited by both while it is on its way', () => {
    const w = new World(under(limits({ hour: 9_000 })));
    expect(w.caps().limits).toEqual(LADDER[0]?.limits);
  });

  it('says so when nothing of its stage is left', () => {
    const w = warm(limits({ hour: 9_000, day: 90_000, out: 50, connect: 600 }));
    expect(w.records.find(r => r.type === 'graduated')?.text).toBe('cold-1 is warm; the limits the source states bind');
  });

  it('keeps the caps of a provider with its own stage, on its lane', () => {
    const w = warm();
    const lane = () => w.ramp.laneCaps('cold-1', 'microsoft', w.now);
    expect(lane()).toMatchObject({ stage: 2, of: 2, limits: limits({ hour: 20 }) });
    w.reload(under(limits({ hour: 9_000 })));
    expect(lane()?.limits).toEqual({});
  });

  it('does not lift the caps of a provider that still climbs', () => {
    const w = new World(under(limits({ hour: 9_000 })));
    w.ramp.verb('graduate', 'cold-1', {}, 'operator:ann', undefined, w.now);
    expect(w.ramp.laneCaps('cold-1', 'microsoft', w.now)?.limits.maxMsgPerHour?.value).toBe(10);
  });

  it('is raised by no reload', () => {
    const w = warm();
    w.reload(under({}, stagesOf([limits({ hour: 20 }), limits({ hour: 400, day: 9_000, out: 9 })])));
    expect([cap(w), w.caps().limits.maxMsgPerDay?.value, w.caps().limits.maxSmtpOut?.value]).toEqual([40, 300, 2]);
    w.reload(under({}, hourly(5, 10, 15)));
    expect([cap(w), w.caps().stage]).toEqual([15, 3]);
    w.reload(under());
    expect(cap(w)).toBe(15);
  });

  it('would be, were its caps not kept with its progress', () => {
    const w = warm();
    const state = Object.fromEntries(
      Object.entries(w.ramp.snapshot()).map(([key, { caps: _, ...p }]): [string, Progress] => [key, p as Progress]),
    );
    const again = new World(under({}, hourly(20, 400)), w.now, state);
    expect(capNow(again.ramp, again.now)).toBe(400);
    expect(new World(under({}, hourly(20, 400)), w.now, w.ramp.snapshot()).caps().limits.maxMsgPerHour?.value).toBe(40);
  });

  it('falls back to a stage with nothing above what it kept', () => {
    const w = warm();
    w.reload(under({}, hourly(5, 10, 15)));
    expect(cap(w)).toBe(15);
    w.reload(under());
    w.ramp.verb('step-back', 'cold-1', { stage: 2 }, 'operator:ann', undefined, w.now);
    expect(cap(w)).toBe(15);
    expect(w.progress()).toMatchObject({ stage: 2, graduated: false });
  });

  it('takes a provider that leads it along when it falls', () => {
    const w = warm();
    w.ramp.verb('step-back', 'cold-1', {}, 'operator:ann', undefined, w.now);
    expect(w.progress('microsoft')).toMatchObject({ stage: 1, graduated: false });
    expect(w.ramp.laneCaps('cold-1', 'microsoft', w.now)?.limits.maxMsgPerHour?.value).toBe(10);
  });

  it('that began before its day is held back by `started` no more', () => {
    const w = new World(settings([schedule(LADDER)], [source({ started: '2026-04-01' })]));
    expect(cap(w)).toBe(0);
    w.ramp.verb('graduate', 'cold-1', {}, 'operator:ann', undefined, w.now);
    expect(cap(w)).toBe(40);
  });

  it('survives a restart as it stood', () => {
    const w = warm();
    const again = new World(w.settings, w.now, w.ramp.snapshot());
    expect(again.records).toEqual([]);
    expect(again.ramp.sourceCaps('cold-1')).toEqual(w.ramp.sourceCaps('cold-1'));
    expect(again.ramp.snapshot()[`progress:${ADDRESS}`]).toMatchObject({ graduated: true, caps: { maxMsgPerHour: 40 } });
  });
});

describe('the governor', () => {
  const warmUp = { schedule: 'ramp', stage: 1, from: PLACE };
  const lane = { source: 'cold', provider: 'alpha' };
  const stand = (stated = {}) =>
    new Stand({
      sources: [from('cold', '192.0.2.9', stated, warmUp)],
      providers: [provider('alpha')],
      schedules: [ramp('ramp', [3, 6])],
      defaults: { pacing: 'burst' },
    });

  it('counts a graduated source as warm, and still lets out no more than its last stage did', () => {
    const s = stand();
    expect([s.governor.isWarm('cold'), s.governor.stageOf('cold')]).toEqual([false, 1]);
    expect(s.governor.coldSlots(lane, 4 * HOUR, s.now)).toBeGreaterThan(0);
    s.governor.stage('graduate', 'cold', {}, 'operator:eve', undefined, s.now);
    expect([s.governor.isWarm('cold'), s.governor.stageOf('cold')]).toEqual([true, undefined]);
    expect(s.governor.coldSlots(lane, 4 * HOUR, s.now)).toBe(0);
    const status = s.governor.sourceStatus('cold', s.now);
    expect(status).toMatchObject({ state: 'warm', schedule: 'ramp', stage: 2, stages: 2, maxMsgPerHour: 6 });
    expect(status.earned).toBeUndefined();
    for (let i = 0; i < 6; i++) s.send(lane, match());
    const verdict = s.ask(lane);
    expect(verdict.go).toBe(false);
    if (!verdict.go) expect(verdict.because()[0]).toMatchObject({ limit: 'max-msg-per-hour', value: 6, from: 'ramp.yaml:1:1' });
  });

  it('lets it out as far as its own limit, once it states one', () => {
    const s = stand({ maxMsgPerHour: 8 });
    s.governor.stage('graduate', 'cold', {}, 'operator:eve', undefined, s.now);
    for (let i = 0; i < 8; i++) s.send(lane, match());
    expect(s.ask(lane).go).toBe(false);
    const plain = ground({ sources: [from('cold', '192.0.2.9', {}, warmUp)], schedules: [ramp('ramp', [3, 6])] });
    s.governor.configure(plain, s.now);
    expect(s.governor.sourceStatus('cold', s.now).maxMsgPerHour).toBe(6);
  });
});
