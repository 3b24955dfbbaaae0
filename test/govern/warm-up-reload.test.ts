/** Schedules that change under an address on its way. */
import { describe, expect, it } from 'vitest';
import { World, capNow, hourly, limits, schedule, settings, source, stagesOf } from './warm-up-world.js';
import type { Stage } from '../../src/kernel/schedule.js';

const start = (stages: readonly Stage[], stage: number) => new World(settings([schedule(stages)], [source({ stage })]));
const under = (stages: readonly Stage[], words = {}) => settings([schedule(stages)], [source(words)]);
const cap = (w: World) => capNow(w.ramp, w.now);

describe('a reload', () => {
  it('that changes nothing records nothing', () => {
    const w = start(hourly(20, 40, 80), 2);
    const records = w.records.length;
    w.reload(under(hourly(20, 40, 80)));
    expect(w.records.length).toBe(records);
    expect(w.changes.at(-1)).toBe('cold-1');
  });

  it('takes the highest stage whose cap is not above the earned one', () => {
    const w = start(hourly(20, 40, 80), 2).reload(under(hourly(10, 20, 30, 35, 50)));
    expect(w.caps()).toMatchObject({ stage: 4, of: 5 });
    expect(cap(w)).toBe(35);
    expect(w.last).toMatchObject({ type: 'stage-placed', author: 'reload', text: 'schedule changed: stage 4/5, 35/h' });
  });

  it('keeps the cap where every stage of the new schedule is above it, until a day is earned', () => {
    const w = start(hourly(20, 40), 1).reload(under(hourly(100, 200)));
    expect(cap(w)).toBe(20);
    w.send(79).tick();
    expect(cap(w)).toBe(20);
    w.send(80).tick();
    expect([w.caps().stage, cap(w)]).toEqual([1, 100]);
    w.send(400).tick();
    expect([w.caps().stage, cap(w)]).toEqual([2, 200]);
  });

  it('with a slip in it, and its correction, give the earned cap back after an earned day', () => {
    const w = start(hourly(20, 40, 80), 2).reload(under(hourly(20, 4, 80)));
    expect(cap(w)).toBe(4);
    w.reload(under(hourly(20, 40, 80)));
    expect([w.caps().stage, cap(w)]).toEqual([2, 4]);
    w.send(20).tick();
    expect([w.caps().stage, cap(w)]).toEqual([2, 40]);
  });

  it('raises no other quantity either, and lowers each at once', () => {
    const w = start(stagesOf([limits({ hour: 20, day: 100, out: 2, connect: 60 })]), 1);
    w.reload(under(stagesOf([limits({ hour: 20, day: 400, out: 1, connect: 120 })])));
    const { maxMsgPerDay, maxSmtpOut, maxConnectRate } = w.caps().limits;
    expect([maxMsgPerDay?.value, maxSmtpOut?.value, maxConnectRate?.value.count]).toEqual([100, 1, 60]);
    w.reload(under(hourly(20)));
    expect([w.caps().limits.maxMsgPerDay?.value, w.caps().limits.maxSmtpOut?.value]).toEqual([100, 1]);
  });

  it('does not lift a brake, nor what it lowered', () => {
    const w = start(hourly(20, 40, 80), 3)
      .send(20)
      .send(3, 'block.ip');
    expect(cap(w)).toBe(40);
    w.reload(under(hourly(20, 60, 70, 80)));
    expect(w.caps().braked).toBe(true);
    expect(cap(w)).toBe(40);
    const first = start(hourly(20, 40), 1)
      .send(20)
      .send(3, 'block.ip')
      .reload(under(hourly(5, 10, 20)));
    expect(cap(first)).toBe(0);
  });

  it('leaves a warm source warm', () => {
    const w = start(hourly(20), 1)
      .send(80)
      .tick()
      .reload(under(hourly(20, 40)));
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    expect([w.caps().stage, w.caps().of, cap(w)]).toEqual([2, 2, 20]);
    expect(w.last.text).toBe('schedule changed: warm; it keeps max-msg-per-hour 20/h until the source states its own');
  });

  it('while the daemon was stopped counts as one', () => {
    const w = start(hourly(20, 40, 80), 2);
    const again = new World(under(hourly(20, 60, 80)), w.now, w.ramp.snapshot());
    expect([again.caps().stage, cap(again)]).toEqual([1, 20]);
  });

  it('moves the target', () => {
    const w = start(hourly(20, 40, 80, 160), 3);
    w.reload(under(hourly(20, 40, 80, 160), { target: 50 }));
    expect([w.caps().stage, w.caps().of, cap(w)]).toEqual([3, 3, 50]);
    w.send(200).tick();
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    w.reload(under(hourly(20, 40, 80, 160), { target: 120 }));
    expect(cap(w)).toBe(50);
    w.reload(under(hourly(20, 40, 80, 160), { target: 30 }));
    expect(cap(w)).toBe(30);
  });

  it('to `warm-up: none` is a person’s word, and progress waits for a return', () => {
    const w = start(hourly(20, 40, 80), 2);
    const { warmUp: _, ...warm } = source();
    w.reload(settings([], [warm]));
    expect(w.ramp.sourceCaps('cold-1')).toBeUndefined();
    w.reload(under(hourly(20, 40, 80)));
    expect(w.caps().stage).toBe(2);
  });

  it('that names a schedule nobody wrote throws', () => {
    expect(() => new World(settings([]))).toThrow('names schedule test, which does not exist');
  });
});
