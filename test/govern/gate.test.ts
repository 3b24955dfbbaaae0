import { describe, expect, it } from 'vitest';
import { brakes, find, meets, percent, show, tell, trips } from '../../src/govern/gate.js';
import type { Facts } from '../../src/govern/gate.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { GATES, condition, hourly, schedule } from './warm-up-world.js';

const facts = (more: Partial<Facts> = {}): Facts => ({
  sent: 100,
  allowed: 160,
  sample: 100,
  delivered: 100,
  deferrals: 0,
  blocks: 0,
  hardBounces: 0,
  complaints: 0,
  reporting: 0,
  windowOpen: 0,
  ...more,
});
const plan = schedule(hourly(20, 40));
const verdict = (more: Partial<Facts>) => find(plan, facts(more)).finding;

describe('gates', () => {
  it.each([
    ['all is well', {}, 'earned'],
    ['exactly half was sent', { sent: 80 }, 'earned'],
    ['less than half was sent', { sent: 79 }, 'unearned'],
    ['exactly 90 % were delivered', { delivered: 90 }, 'earned'],
    ['fewer were delivered', { delivered: 89 }, 'unearned'],
    ['10 % were deferred', { deferrals: 10, delivered: 90 }, 'earned'],
    ['more than 10 % were deferred', { deferrals: 11 }, 'hold'],
    ['more than 30 % were deferred', { deferrals: 31 }, 'step-back'],
    ['more than 5 % bounced hard', { hardBounces: 6 }, 'hold'],
    ['more than 1 % were blocked, in three events', { blocks: 3 }, 'step-back'],
    ['more than 1 % were blocked, in two events', { blocks: 2 }, 'earned'],
    ['a window was open for more than 4 hours', { windowOpen: 4 * HOUR + 1 }, 'hold'],
    ['a window was open for 4 hours', { windowOpen: 4 * HOUR }, 'earned'],
    ['the sample is too small', { sample: 19, delivered: 19 }, 'too-few'],
    ['the sample is too small for its blocks', { sample: 19, delivered: 10, blocks: 9 }, 'too-few'],
    ['the sample is too small, and a window was open', { sample: 19, windowOpen: DAY }, 'hold'],
    ['nothing was sent', { sent: 0, sample: 0, delivered: 0 }, 'too-few'],
  ] as const)('when %s', (_, more, expected) => {
    expect(verdict(more)).toBe(expected);
  });

  it('name the conditions that decide', () => {
    const { because } = find(plan, facts({ blocks: 4, deferrals: 40, delivered: 56 }));
    expect(because.map(c => c.metric)).toEqual(['block-rate', 'deferral-rate']);
    expect(tell(because, facts({ blocks: 4, deferrals: 40 }), true)).toBe(
      'block-rate 4 % (4 of 100), gate > 1%; deferral-rate 40 % (40 of 100), gate > 30%',
    );
  });

  it('earn every day when a schedule states no gate', () => {
    const free = schedule(hourly(20), { gates: { advance: [], hold: [], stepBack: [], minSample: 1 } });
    expect(find(free, facts({ blocks: 100, delivered: 0 })).finding).toBe('earned');
  });
});

describe('the complaint rate', () => {
  const rate = condition('complaint-rate', '>', 0.001);
  it.each([
    [2, 1_000, false],
    [3, 999, false],
    [3, 1_000, true],
    [3, 3_000, false],
    [4, 3_000, true],
    [0, 0, false],
  ])('of %i complaints over %i deliveries', (complaints, reporting, expected) => {
    expect(trips(rate, facts({ complaints, reporting }), 20)).toBe(expected);
  });
});

describe('the brake', () => {
  it('looks at step-back conditions alone', () => {
    expect(brakes(plan, facts({ deferrals: 20 }))).toEqual([]);
    expect(brakes(plan, facts({ deferrals: 31 })).map(c => c.metric)).toEqual(['deferral-rate']);
  });

  it('does not ask in the morning what the day has sent', () => {
    const strict = schedule(hourly(20), { gates: { ...GATES, stepBack: [condition('sent', '<', 0.1)] } });
    expect(brakes(strict, facts({ sent: 1 }))).toEqual([]);
    expect(find(strict, facts({ sent: 1 })).finding).toBe('step-back');
  });
});

describe('measured values', () => {
  it('compare as written, whatever floating point makes of them', () => {
    for (let n = 1; n <= 2_000; n++) {
      expect(meets(condition('delivered', '>=', 0.9), facts({ sample: 10 * n, delivered: 9 * n }))).toBe(true);
      expect(meets(condition('delivered', '>', 0.9), facts({ sample: 10 * n, delivered: 9 * n }))).toBe(false);
    }
  });

  it('say nothing of an empty sample', () => {
    const nothing = facts({ sample: 0, delivered: 0 });
    expect(show('delivered', nothing)).toBe('no data');
    expect(meets(condition('delivered', '>=', 0), nothing)).toBe(false);
    expect(meets(condition('delivered', '<', 1), nothing)).toBe(false);
  });

  it('are written for people', () => {
    expect(show('sent', facts({ sent: 2_310, allowed: 2_400 }))).toBe('2,310 of 2,400');
    expect(show('sent', facts({ allowed: Infinity }))).toBe('100, no bound');
    expect(show('window-open', facts({ windowOpen: 80 * 60_000 }))).toBe('1h20m');
    expect(show('complaint-rate', facts())).toBe('no data');
    expect([0.991, 1, 0.0012, 0.5].map(percent)).toEqual(['99.1 %', '100 %', '0.12 %', '50 %']);
  });
});
