/** How long the ledger must remember: the longest rate, wherever it stands. */
import { describe, expect, it } from 'vitest';
import { longestRate } from '../../src/daemon/longest-rate.js';
import type { Rate } from '../../src/kernel/units.js';
import { DAY, HOUR, limits, provider, schedule, settings, source } from '../govern/ground.js';

const day: Rate = { count: 20_000, per: DAY };
const ramp = (stages: readonly Rate[], own: readonly Rate[] = []) => {
  const made = schedule('ramp', [20]);
  const stagesOf = (rates: readonly Rate[]) =>
    rates.map((maxMsgRate, i) => ({ number: i + 1, limits: limits({ maxMsgRate }), from: made.from }));
  return { ...made, stages: stagesOf(stages), providers: new Map([['alpha', { stages: stagesOf(own), from: made.from }]]) };
};

describe('what is counted longest', () => {
  it('is an hour where no rate says more', () => {
    expect(longestRate(settings())).toBe(HOUR);
    expect(longestRate(settings({ defaults: { maxMsgRate: { count: 500, per: HOUR / 4 } } }))).toBe(HOUR);
    expect(longestRate(settings({ defaults: { maxMsgRate: { count: Infinity, per: DAY } } }))).toBe(HOUR);
  });

  it.each([
    ['defaults', { defaults: { maxMsgRate: day } }],
    ['total', { total: { maxMsgRate: day } }],
    ['a source', { sources: [source('hot', '192.0.2.1', { maxMsgRate: day })] }],
    ['a provider', { providers: [provider('alpha', { maxMsgRate: day })] }],
    ['a stage', { schedules: [ramp([day])] }],
    ['a stage of a provider', { schedules: [ramp([{ count: 1, per: HOUR }], [day])] }],
  ])('is what %s says', (_, ground) => {
    expect(longestRate(settings(ground))).toBe(DAY);
  });
});
