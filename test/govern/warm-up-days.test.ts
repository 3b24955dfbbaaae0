/** Day rows that come back at a start: what nobody will ask for is not kept. */
import { describe, expect, it } from 'vitest';
import { Days } from '../../src/govern/warm-up-days.js';
import type { DayRow } from '../../src/kernel/day.js';
import { DAY, HOT, schedule, settings, source, Stand, T0 } from './ground.js';

const row = (day: number, attempts: number, address = '192.0.2.1'): DayRow => ({
  address,
  provider: 'alpha',
  day: T0 + day * DAY,
  attempts,
  recipients: { delivered: attempts },
});

describe('restored days', () => {
  const kept = (needed: number, attempts: (day: number) => number) => {
    const days = new Days();
    days.roll('192.0.2.1', T0, Infinity);
    for (let day = -40; day <= 0; day++) days.restore(row(day, attempts(day)), needed);
    const seen: number[] = [];
    days.each('192.0.2.1', -Infinity, Infinity, (_, __, day) => seen.push((day - T0) / DAY));
    return { seen, best: days.best('192.0.2.1', 'alpha'), today: days.attempts('192.0.2.1', undefined) };
  };

  it('are the young, those still to be judged, and the best of older ones', () => {
    const young = Array.from({ length: 9 }, (_, i) => i - 8);
    expect(kept(T0, () => 7)).toEqual({ seen: young, best: 7, today: 7 });
    expect(kept(T0, day => (day === -20 ? 99 : 7))).toEqual({ seen: [-20, ...young], best: 99, today: 7 });
    expect(kept(T0 - 12 * DAY, () => 7).seen).toEqual([-12, -11, -10, -9, ...young]);
  });

  it('of an address that climbs nothing are those of today', () => {
    const warm = new Stand();
    warm.governor.restoreDays([row(-2, 50), row(-1, 60), row(0, 7)], warm.now);
    expect(warm.governor.sourceStatus('hot', warm.now)).toMatchObject({ attemptsToday: 7, deliveredToday: 7 });
    warm.send(HOT);
    expect(warm.governor.sourceStatus('hot', warm.now).attemptsToday).toBe(8);
  });

  it('are looked back at on addresses with a schedule', () => {
    const warmUp = { schedule: 'ramp', stage: 1, from: { file: 'rampd.yaml', line: 3, col: 1 } };
    const sources = [source('cold', '192.0.2.1', {}, warmUp), source('hot', '192.0.2.2')];
    const { governor } = new Stand(settings({ sources, schedules: [schedule('ramp', [20, 40])] }));
    expect(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(address => governor.climbs(address))).toEqual([true, false, false]);
  });
});
