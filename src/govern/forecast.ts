/**
 * How much a cold lane can still take: what the dispatcher may withhold for it from warm sources.
 */
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import type { Account } from './account.js';
import type { Core } from './core.js';
import type { Lane } from './floor.js';
import type { History } from './history.js';
import type { Plan } from './plan.js';

/**
 * Slots the lane could use within `within`, by the hourly caps and rates of its own, its source and the daemon, and what is left
 * of their day. 0 while it is paused, suspended, closed or under a window: trouble stops withholding at once.
 */
export function coldSlots(core: Core, lane: Lane, within: Ms, now: Instant): number {
  const { compiler, windows, ramp, floor } = core;
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
    inTime(plan, lane.account, within, now),
    inTime(above, source.account, within, now),
    inTime(compiler.total(now), floor.total, within, now),
    left(plan.dayNow, lane.account, provider),
    left(above.dayNow, source.account, undefined),
  );
  return Math.max(0, Math.floor(slots));
}

/** What hourly cap and rates let through within a span. */
function inTime(plan: Plan, account: Account, within: Ms, now: Instant): number {
  let slots = Infinity;
  if (plan.hourNow !== Infinity) {
    slots = inSpan(plan.hourNow, account.hour, account.inflight, within, now);
    if (plan.even) slots = Math.min(slots, (plan.hourNow * within) / HOUR + 1);
  }
  for (const cap of plan.rates) slots = Math.min(slots, inSpan(cap.value, account.rate(cap.per, now), account.inflight, within, now));
  return slots;
}

/** A cap for each period of a span; in a shorter one the cap, less what holds its slots beyond the span's end. */
function inSpan(value: number, history: History, inflight: number, within: Ms, now: Instant): number {
  const { period } = history;
  if (within >= period) return (value * within) / period;
  let freed = value - inflight;
  for (const [stamp, slots] of history.entries(now)) if (stamp + period > now + within) freed -= slots;
  return freed;
}
