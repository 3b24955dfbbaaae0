/**
 * How far the mail of the last seven days can carry an address: the first stage it is too little for.
 *
 * Says nothing where it cannot know: before the first day is over, when the best day was cut off by its own stage (more mail
 * may have waited), in calendar mode, and on a source that is warm. Pure; changes nothing.
 */
import type { Limits } from '../kernel/limits.js';
import type { Schedule } from '../kernel/schedule.js';
import { DAY } from '../kernel/units.js';
import type { Instant, Ms } from '../kernel/units.js';
import type { Progress, Unearnable } from './ramp.js';
import { limitsOf, unitOf } from './warm-up-climb.js';
import type { Climb, Unit } from './warm-up-climb.js';
import type { Days } from './warm-up-days.js';
import { allowedIn } from './warm-up-stages.js';

/** Seven days and a half: a day that a change of the clocks made longer is still the seventh. */
const VOLUME_WINDOW: Ms = 7.5 * DAY;
/** What a share of a whole number may be off by when it is computed. */
const ROUNDING = 1e-6;

export function unearnable(days: Days, climb: Climb, unit: Unit): Unearnable | undefined {
  const { schedule } = climb;
  const p = unit.progress;
  const firstDay = p.since !== undefined && p.judgedThrough <= p.since;
  if (p.graduated || firstDay) return undefined;
  const best = bestDay(days, climb, unit, p.judgedThrough);
  if (best.day !== undefined && p.cutOff?.includes(best.day)) return undefined;
  const volume = carried(best.sent, schedule);
  for (const { number, limits } of unit.stages.slice(p.stage - 1)) {
    const needs = dayNeeded(schedule, number === p.stage ? limitsOf(climb, unit) : limits);
    if (needs > volume) return { stage: number, needs, have: best.sent };
  }
  return undefined;
}

/** Distinct recipients of the best finished day, on the lanes whose volume counts for this stage. */
function bestDay(days: Days, climb: Climb, unit: Unit, until: Instant): { day: Instant | undefined; sent: number } {
  const sent = new Map<Instant, number>();
  days.each(climb.address, until - VOLUME_WINDOW, until, (provider, counts, day) => {
    if (unit !== climb.unit && unitOf(climb, provider) !== unit) return;
    sent.set(
      day,
      Object.values(counts).reduce((sum, n) => sum + n, sent.get(day) ?? 0),
    );
  });
  const [best] = [...sent].sort((a, b) => b[1] - a[1]);
  return { day: best?.[0], sent: best?.[1] ?? 0 };
}

/** Days below min-sample are judged together: what they come to by then. */
function carried(sent: number, { gates: { minSample } }: Schedule): number {
  return sent > 0 && sent < minSample ? sent * Math.ceil(minSample / sent) : sent;
}

/** The fewest recipients a day that earn a stage with these limits; 0 where volume earns nothing: by the calendar, or without such a gate. */
export function dayNeeded(schedule: Schedule, limits: Limits): number {
  if (schedule.advance === 'calendar') return 0;
  const all = allowedIn(limits, DAY);
  const gates = schedule.gates.advance.filter(c => c.metric === 'sent');
  return Math.max(
    0,
    ...gates.filter(c => c.op === '>=').map(c => Math.ceil(c.value * all - ROUNDING)),
    ...gates.filter(c => c.op === '>').map(c => Math.floor(c.value * all + ROUNDING) + 1),
  );
}

/** Days whose attempts came up to what their stage allowed; only those young enough to be asked about. */
export function cutOffDays(p: Progress, attempts: number, allowed: number, tick: Instant): Pick<Progress, 'cutOff'> {
  const days = [...(p.cutOff ?? []), ...(attempts >= allowed ? [p.judgedThrough] : [])].filter(day => day >= tick - VOLUME_WINDOW);
  return days.length > 0 ? { cutOff: days } : {};
}
