/** Matches counted towards triggers: how many entries there are costs a match nothing. */
import { describe, expect, it, vi } from 'vitest';
import { Triggers } from '../../src/govern/trigger.js';
import { HOUR, T0 } from './ground.js';

describe('triggers', () => {
  it('of ever more lanes are looked through ever more rarely, and what is over goes', () => {
    const triggers = new Triggers();
    const looked = vi.spyOn(triggers, 'forget');
    const matches = (from: number, to: number, now: number) => {
      for (let i = from; i < to; i++) triggers.reached(`alpha/rule lane:${i}`, { count: 3, per: HOUR }, now);
    };
    matches(0, 40_000, T0);
    matches(0, 40_000, T0 + 1);
    expect(looked.mock.calls.length).toBeLessThan(5);
    expect([...triggers.all()].length).toBe(40_000);
    matches(40_000, 81_000, T0 + 2 * HOUR);
    expect([...triggers.all()].length).toBeLessThanOrEqual(41_000);
    expect(triggers.reached('alpha/rule lane:50000', { count: 2, per: HOUR }, T0 + 2 * HOUR)).toBe(true);
  });
});
