/** Reports about delivered mail at the gates: a bounce counts by its new class, a complaint for seven days, once each. */
import { describe, expect, it, vi } from 'vitest';
import { Days } from '../../src/govern/warm-up-days.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { ADDRESS, hourly, schedule, settings, source, World } from './warm-up-world.js';

const LADDER = hourly(20, 40, 80, 160);
const lane = { address: ADDRESS, provider: 'google' };
const world = () => new World(settings([schedule(LADDER)], [source({ stage: 2 })]));

describe('a bounce that comes back', () => {
  it('takes the place of the delivery of its day, and is no attempt', () => {
    const w = world().send(80);
    const rows = w.ramp.bounced(lane, w.now, 'mailbox.unknown', w.now + HOUR);
    expect(rows).toEqual([
      {
        address: ADDRESS,
        provider: 'google',
        day: expect.any(Number) as number,
        attempts: 80,
        recipients: { delivered: 79, 'mailbox.unknown': 1 },
      },
    ]);
    expect(w.ramp.today('cold-1', undefined, w.now)).toMatchObject({ attempts: 80, delivered: 79, bounced: 1 });
  });

  it('of a day that was judged counts today, and leaves that day alone', () => {
    const w = world().send(80);
    const left = w.now;
    w.tick();
    const rows = w.ramp.bounced(lane, left, 'mailbox.unknown', w.now + HOUR);
    expect(rows).toEqual([{ address: ADDRESS, provider: 'google', day: w.day, attempts: 0, recipients: { 'mailbox.unknown': 1 } }]);
  });

  it('holds the stage when there are too many, and the same day without them is earned', () => {
    const stage = (bounces: number): number => {
      const w = world().send(160);
      for (let i = 0; i < bounces; i++) w.ramp.bounced(lane, w.now, 'mailbox.unknown', w.now);
      return w.tick().caps().stage;
    };
    expect([stage(0), stage(20)]).toEqual([3, 2]);
  });

  it('brakes like one that came at once', () => {
    const w = world().send(160);
    for (let i = 0; i < 10; i++) w.ramp.bounced(lane, w.now, 'block.ip', w.now);
    expect(w.caps().braked).toBe(true);
  });

  it('of an address nobody has any more changes nothing', () => {
    const w = world().send(10);
    expect(w.ramp.bounced({ address: '192.0.2.77', provider: 'google' }, w.now, 'mailbox.unknown', w.now)).toEqual([]);
    w.ramp.complain({ address: '192.0.2.77', provider: 'google' }, w.now);
    expect(w.ramp.complaints('cold-1', w.now)).toBe(0);
  });
});

describe('complaints', () => {
  it('count for seven days, and over a restart when they are handed in again', () => {
    const w = world();
    w.ramp.restoreComplaints([
      { ...lane, at: w.now - 8 * DAY },
      { ...lane, at: w.now - 6 * DAY },
    ]);
    w.ramp.complain({ ...lane, provider: 'yahoo' }, w.now);
    expect(w.ramp.complaints('cold-1', w.now)).toBe(2);
    expect(w.ramp.complaints('cold-1', w.now + 2 * DAY)).toBe(1);
    expect(w.ramp.complaints('cold-1', w.now + 8 * DAY)).toBe(0);
  });

  it('make no outcome dearer by the providers that report none', () => {
    const w = new World(settings([schedule(LADDER)], [source({ stage: 2 })], ['google'])).send(20);
    w.ramp.complain(lane, w.now);
    const all = vi.spyOn(Days.prototype, 'each');
    const one = vi.spyOn(Days.prototype, 'eachOf');
    w.send(20);
    expect(one).toHaveBeenCalled();
    expect(all).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});
