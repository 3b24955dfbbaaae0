/**
 * The late choice of source: what warm lanes leave to cold ones, and how warm lanes share the rest.
 */
import { describe, expect, it } from 'vitest';
import { Choice } from '../../src/deliver/choice.js';
import { Lane } from '../../src/deliver/lane.js';
import type { Session } from '../../src/deliver/session.js';
import { Group, Site, Waiting } from '../../src/deliver/waiting.js';
import type { Governor } from '../../src/kernel/governor.js';
import type { Queue } from '../../src/kernel/queue.js';
import type { Settings, WarmUpWish } from '../../src/kernel/settings.js';

const PLACE = { file: 'rampd.yaml', line: 1, col: 1 };

interface Scene {
  readonly warm: readonly string[];
  /** Slots within cold-wait. */
  readonly cold: Readonly<Record<string, number>>;
  readonly weights?: Readonly<Record<string, number>>;
  readonly due: Partial<Record<WarmUpWish, number>>;
}

function scene({ warm, cold, weights = {}, due }: Scene) {
  const names = [...warm, ...Object.keys(cold)];
  const slots = { ...cold };
  const governor = {
    isWarm: (source: string) => warm.includes(source),
    coldSlots: ({ source }: { source: string }) => slots[source] ?? 0,
  } as unknown as Governor;
  const pool = {
    name: 'main',
    sources: names.map(source => ({ source, weight: weights[source] ?? 1 })),
    coldWait: 3_600_000,
    stickyFor: 0,
    warmUp: 'allow' as const,
    from: PLACE,
  };
  const settings = { pools: new Map([['main', pool]]) } as unknown as Settings;
  const group = new Group('main', 'google');
  const lanes = new Map(names.map(source => [source, new Lane({ source, provider: 'google' })]));
  group.lanes = [...lanes.values()];
  for (const lane of lanes.values()) lane.groups.add(group);
  const counts: Record<WarmUpWish, number> = { prefer: 0, allow: 0, never: 0, ...due };
  const site = new Site('mx', group, []);
  group.sites.set('mx', site);
  for (const wish of ['prefer', 'allow', 'never'] as const) {
    const queue = { priority: 'normal', dueCountUpTo: () => counts[wish] } as unknown as Queue;
    if (counts[wish] > 0) site.rings[wish].add(new Waiting(queue));
  }
  const choice = new Choice(
    governor,
    () => settings,
    () => [group],
    () => undefined,
  );
  /** Lets lanes take in turn until nobody may; returns what each took. */
  const drain = (order: readonly string[] = names): Record<string, number> => {
    const taken: Record<string, number> = Object.fromEntries(names.map(n => [n, 0]));
    for (let more = true, now = 0; more; now += 1_000) {
      more = false;
      for (const name of order) {
        const lane = lanes.get(name) as Lane;
        for (const wish of choice.wishes(lane, group)) {
          if (counts[wish] === 0 || !choice.mayTake(lane, group, wish, now)) continue;
          if (name in slots && (slots[name] ?? 0) === 0) continue;
          if (name in slots) slots[name] = (slots[name] ?? 0) - 1;
          counts[wish]--;
          choice.took(lane, group, wish, 1);
          taken[name] = (taken[name] ?? 0) + 1;
          more = true;
          break;
        }
      }
    }
    return taken;
  };
  return { choice, group, lanes, drain, counts };
}

const open = (lane: Lane | undefined): void => void lane?.sessions.add({ state: 'busy' } as unknown as Session);

describe('what warm lanes leave to cold ones', () => {
  it('is as much as those have slots for; the rest overflows at once', () => {
    const { drain } = scene({ warm: ['hot'], cold: { c1: 80, c2: 20 }, due: { allow: 1_000 } });
    expect(drain()).toEqual({ hot: 900, c1: 80, c2: 20 });
  });

  it('is nothing when no cold lane can send: paused, suspended or under a window', () => {
    const { drain } = scene({ warm: ['hot'], cold: { c1: 0 }, due: { allow: 50 } });
    expect(drain()).toEqual({ hot: 50, c1: 0 });
  });

  it('is everything when there is less than the cold lanes could take', () => {
    const { drain } = scene({ warm: ['hot'], cold: { c1: 80 }, due: { allow: 30 } });
    expect(drain()).toEqual({ hot: 0, c1: 30 });
  });

  it('is mail that prefers to warm first, and never mail that must not', () => {
    const { drain, counts } = scene({ warm: ['hot'], cold: { c1: 10 }, due: { prefer: 10, allow: 10, never: 10 } });
    expect(drain(['hot'])).toEqual({ hot: 20, c1: 0 });
    expect(counts).toEqual({ prefer: 10, allow: 0, never: 0 });
  });

  it('without withholding the warm lane would take it all', () => {
    // The counter-test: the same scene with cold slots that nobody counts.
    const { drain } = scene({ warm: ['hot', 'c1'], cold: {}, due: { allow: 1_000 } });
    expect(drain(['hot']).hot).toBe(1_000);
  });
});

describe('mail that must not warm', () => {
  it('goes through cold sources only when the pool has no warm one', () => {
    expect(scene({ warm: [], cold: { c1: 5 }, due: { never: 5 } }).drain()).toEqual({ c1: 5 });
    expect(scene({ warm: ['hot'], cold: { c1: 5 }, due: { never: 5 } }).drain(['c1'])).toEqual({ hot: 0, c1: 0 });
  });
});

describe('among warm lanes', () => {
  it('messages follow the weights', () => {
    const { drain, lanes } = scene({ warm: ['a', 'b'], cold: {}, weights: { a: 3, b: 1 }, due: { allow: 8_000 } });
    for (const lane of lanes.values()) open(lane);
    const { a = 0, b = 0 } = drain();
    expect(a / b).toBeGreaterThan(2.8);
    expect(a / b).toBeLessThan(3.2);
  });

  it('weight 0 takes nothing', () => {
    const { drain, lanes } = scene({ warm: ['a', 'b'], cold: {}, weights: { a: 1, b: 0 }, due: { allow: 100 } });
    for (const lane of lanes.values()) open(lane);
    expect(drain()).toEqual({ a: 100, b: 0 });
  });

  it('one that cannot send does not hold the others back', () => {
    const { drain, lanes } = scene({ warm: ['a', 'b'], cold: {}, due: { allow: 1_000 } });
    for (const lane of lanes.values()) open(lane);
    (lanes.get('b') as Lane).waitUntil = Infinity;
    expect(drain(['a'])).toEqual({ a: 1_000, b: 0 });
  });
});
