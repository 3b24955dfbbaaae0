/**
 * A plan: every limit laid on one account, each with its value, its origin and, for windows, its course in time. The limit in
 * force is the minimum by construction: nothing on a plan can loosen anything else.
 *
 * A limit answers `notBefore`: the earliest instant at which n more slots (or one more connection) would be free if nothing
 * else happened, Infinity when only an event can free them. Values only rise by time, so the latest answer of all limits is
 * the instant at which all are free: `until` is honest.
 */
import type { Quote, Reason } from '../kernel/verdict.js';
import { HOUR, SECOND, type Instant, type Ms } from '../kernel/units.js';
import type { WindowState } from '../kernel/governor.js';
import type { Account } from './account.js';
import { due, slotAt } from './pace.js';
import { changeAfter, quoted, valueAt, type WindowLimit } from './window.js';

/** One number that limits: stated in a file, by a stage, or by a window. */
export interface Cap {
  /** Directive name, for people. */
  readonly limit: string;
  readonly scope: Reason['scope'];
  readonly value: number;
  /** Of a rate; an hour for `max-msg-per-hour`. */
  readonly per: Ms;
  readonly from: string;
  readonly window?: { readonly state: WindowState; readonly limit: WindowLimit; readonly normal: number };
}

/** Nothing leaves until an instant (null: until an event or a person ends it). */
export interface Stop {
  readonly limit: 'paused' | 'suspended' | 'schedule-start' | 'window' | 'unknown-source';
  readonly scope: Reason['scope'];
  readonly until: Instant | null;
  readonly from: string;
  readonly window?: string;
  /** The reply that opened it. */
  readonly quote?: Quote;
}

export interface Plan {
  readonly stops: readonly Stop[];
  readonly hour: readonly Cap[];
  readonly day: readonly Cap[];
  readonly rates: readonly Cap[];
  readonly out: readonly Cap[];
  readonly connects: readonly Cap[];
  /** `pacing: even`. */
  readonly even: boolean;
  /** Windows on messages per connection; the rest of the connection's limits stand in LaneLimits. */
  readonly perConnection: readonly Cap[];
  /** Minima in force, and the instant at which one of them changes by itself: see `refresh`. */
  hourNow: number;
  outNow: number;
  dayNow: number;
  stopped: boolean;
  validUntil: Instant;
}

/** Attempts of the running day whose outcome is known, and its end, for `max-msg-per-day`: those under way count besides. */
export interface Day {
  attempts(): number;
  end(): Instant | null;
}

/** A connection is opened at most this long before the slot it is meant for. */
const LEAD: Ms = 10 * SECOND;

export type Sink = (reason: Reason) => void;

/** The value in force at `t`; of a window's rate in a shorter period its share of the hour, at least 1. */
export function valueOf(cap: Cap, t: Instant): number {
  if (!cap.window) return cap.value;
  const perHour = valueAt(cap.window.state, cap.window.limit, cap.window.normal, t);
  return cap.per === HOUR || perHour === 0 ? perHour : Math.max(1, Math.floor((perHour * cap.per) / HOUR));
}

/** Brings the minima up to date. */
export function refresh(plan: Plan, now: Instant): void {
  let next = Infinity;
  const least = (caps: readonly Cap[]): number => {
    let value = Infinity;
    for (const cap of caps) {
      value = Math.min(value, valueOf(cap, now));
      if (cap.window) next = Math.min(next, changeAfter(cap.window.state, now));
    }
    return value;
  };
  plan.hourNow = least(plan.hour);
  plan.outNow = least(plan.out);
  plan.dayNow = least(plan.day);
  plan.stopped = false;
  for (const stop of plan.stops) {
    if (stop.until !== null && stop.until <= now) continue;
    plan.stopped = true;
    next = Math.min(next, stop.until ?? Infinity);
  }
  plan.validUntil = next;
}

/**
 * The hourly cap that held at `t`, at most now, as far as what is in force now can tell: a window opened at `t` or later did
 * not bind yet. Infinity when a window that did was tightened since: nobody knows how it bound, and the grid is put no
 * earlier than the departure.
 */
export function hourAt(plan: Plan, t: Instant): number {
  let value = Infinity;
  for (const cap of plan.hour) {
    const window = cap.window?.state;
    if (window && window.opened >= t) continue;
    if (window && window.tightened >= t) return Infinity;
    value = Math.min(value, valueOf(cap, t));
  }
  return value;
}

/** Slots free at `now`, at most `wanted`. The plan is fresh. */
export function slotsFree(plan: Plan, account: Account, wanted: number, day: Day | undefined, now: Instant): number {
  if (plan.stopped || account.permits >= plan.outNow) return 0;
  let free = wanted;
  if (plan.hourNow !== Infinity) {
    free = Math.min(free, plan.hourNow - account.inflight - account.hour.used(now));
    if (plan.even && free > 0) free = Math.min(free, due(account.grid, plan.hourNow, now));
  }
  for (let i = 0; i < plan.rates.length && free > 0; i++) {
    const cap = plan.rates[i] as Cap;
    free = Math.min(free, cap.value - account.inflight - account.rate(cap.per, now).used(now));
  }
  if (plan.dayNow !== Infinity && day && free > 0) free = Math.min(free, plan.dayNow - account.inflight - day.attempts());
  return Math.max(0, Math.floor(free));
}

/**
 * The instant from which `n` more slots are free; at most `now` when they are. Tells `sink` every limit that makes it later.
 * On the grid, the n-th slot may lie up to 10 s ahead: n above 1 is asked for connections, which take time to open.
 */
export function slotsAt(plan: Plan, account: Account, n: number, day: Day | undefined, now: Instant, sink?: Sink): Instant {
  let latest = stopsAt(plan, now, sink);
  for (const cap of plan.hour) {
    const at = stepwise(cap, now, value => account.hour.freeAt(value - account.inflight - n, now));
    if (at > now && sink) tell(sink, cap, now, account.inflight + account.hour.used(now), at);
    latest = Math.max(latest, at);
    if (!plan.even) continue;
    const grid = stepwise(cap, now, value => onGrid(account.grid, value, n));
    if (grid > now && sink) tell(sink, cap, now, null, grid, 'pacing');
    latest = Math.max(latest, grid);
  }
  for (const cap of plan.rates) {
    const history = account.rate(cap.per, now);
    const at = history.freeAt(cap.value - account.inflight - n, now);
    if (at > now && sink) tell(sink, cap, now, account.inflight + history.used(now), at);
    latest = Math.max(latest, at);
  }
  for (const cap of plan.day) {
    const attempts = account.inflight + (day?.attempts() ?? 0);
    if (attempts + n <= cap.value) continue;
    const end = day?.end() ?? null;
    // What is under way when the day ends counts in the next.
    const at = end === null || end <= now || account.inflight + n > cap.value ? Infinity : end;
    if (sink) tell(sink, cap, now, attempts, at);
    latest = Math.max(latest, at);
  }
  return latest;
}

/** The instant from which one more transaction may be under way: never more than connections allowed. */
export function transactionAt(plan: Plan, account: Account, now: Instant, sink?: Sink): Instant {
  let latest = -Infinity;
  for (const cap of plan.out) {
    const at = stepwise(cap, now, value => (account.permits < value ? now : Infinity));
    if (at > now && sink) tell(sink, cap, now, account.permits, at);
    latest = Math.max(latest, at);
  }
  return latest;
}

/** The instant from which one more connection may be opened, stops and slots aside. */
export function connectionAt(plan: Plan, account: Account, now: Instant, sink?: Sink): Instant {
  let latest = -Infinity;
  for (const cap of plan.out) {
    const at = stepwise(cap, now, value => (account.connections < value ? now : Infinity));
    if (at > now && sink) tell(sink, cap, now, account.connections, at);
    latest = Math.max(latest, at);
  }
  for (const cap of plan.connects) {
    const history = account.connects(cap.per);
    const at = stepwise(cap, now, value => history.freeAt(value - account.connecting - 1, now));
    if (at > now && sink) tell(sink, cap, now, account.connecting + history.used(now), at);
    latest = Math.max(latest, at);
  }
  return latest;
}

/** When nothing stops this account any more. */
export function stopsAt(plan: Plan, now: Instant, sink?: Sink): Instant {
  let latest = -Infinity;
  for (const stop of plan.stops) {
    if (stop.until !== null && stop.until <= now) continue;
    const { window, quote } = stop;
    sink?.({
      limit: stop.limit,
      scope: stop.scope,
      value: null,
      used: null,
      from: stop.from,
      ...(window === undefined ? {} : { window }),
      ...quote,
      until: stop.until,
    });
    latest = Math.max(latest, stop.until ?? Infinity);
  }
  return latest;
}

function onGrid(grid: Instant, perHour: number, n: number): Instant {
  if (perHour <= 0) return Infinity;
  return Math.ceil(Math.max(slotAt(grid, perHour, 1), slotAt(grid, perHour, n) - LEAD));
}

/** The earliest instant, not before `now`, that `free` names under the value then in force, as the value changes in time. */
function stepwise(cap: Cap, now: Instant, free: (value: number) => Instant): Instant {
  if (!cap.window) return cap.value === Infinity ? now : Math.max(now, free(cap.value));
  for (let t = now; ;) {
    const value = valueOf(cap, t);
    const at = value === Infinity ? t : Math.max(t, free(value));
    const change = changeAfter(cap.window.state, t);
    if (at < change || change === Infinity) return at;
    t = change;
  }
}

function tell(sink: Sink, cap: Cap, now: Instant, used: number | null, at: Instant, limit = cap.limit): void {
  const window = cap.window?.state;
  // While a window suspends, its stop speaks for it.
  if (window?.suspend && now < window.until && at <= window.until) return;
  const value = valueOf(cap, now);
  sink({
    limit,
    scope: cap.scope,
    value: value === Infinity ? null : value,
    used,
    from: cap.from,
    ...(window ? { window: window.id, ...quoted(window) } : {}),
    until: at === Infinity ? null : at,
  });
}
