/**
 * How much a cold lane can still take: what the dispatcher may withhold for it from warm sources.
 */
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import type { Account } from './account.js';
import type { Core } from './core.js';
import type { Lane } from './floor.js';
import type { Plan } from './plan.js';

/**
 * Slots the lane could use within `within`, by its own and its source's hourly caps and what is left of their day. 0 while it
 * is paused, suspended, closed or under a window: trouble stops withholding at once.
 */
export function coldSlots(core: Core, lane: Lane, within: Ms, now: Instant): number {
  const { compiler, windows, ramp } = core;
  const { source, provider } = lane;
  const plan = compiler.lane(lane, now).plan;
  const above = compiler.source(source, now);
  if (plan.stopped || above.stopped || (lane.concurrency?.closedUntil ?? -Infinity) > now) return 0;
  const places = [
    windows.at({ scope: 'lane', address: source.address, provider }),
    windows.at({ scope: 'source', address: source.address }),
    windows.at({ scope: 'provider', provider }),
  ];
  if (places.some(list => list.some(w => now < w.until))) return 0;
  const left = (value: number, account: Account, of: string | undefined): number =>
    value === Infinity ? Infinity : value - account.inflight - ramp.attemptsToday(source.name, of, now);
  const slots = Math.min(
    inHours(plan, lane.account, within, now),
    inHours(above, source.account, within, now),
    left(plan.dayNow, lane.account, provider),
    left(above.dayNow, source.account, undefined),
  );
  return Math.max(0, Math.floor(slots));
}

/** What an hourly cap lets through within a span: the cap for each hour, less what holds its slots beyond the span's end. */
function inHours(plan: Plan, account: Account, within: Ms, now: Instant): number {
  if (plan.hourNow === Infinity) return Infinity;
  const steady = (plan.hourNow * within) / HOUR;
  if (within >= HOUR) return steady;
  let freed = plan.hourNow - account.inflight;
  for (const [stamp, slots] of account.hour.entries(now)) if (stamp + HOUR > now + within) freed -= slots;
  return Math.min(freed, plan.even ? steady + 1 : freed);
}
