/**
 * Gates: conditions on what a day came to. Reads figures, compares them with a schedule's conditions, and says what follows.
 *
 * A rate trips only on 3 events or more, and nothing trips and nothing is earned below `min-sample`. The complaint rate needs
 * 3 complaints and 1,000 deliveries to providers that report; without them it is inert. `window-open` is a time, not a rate,
 * and needs no sample. Pure arithmetic; knows neither stages nor state.
 */
import { printDuration } from '../kernel/units.js';
import type { Condition, GateMetric, Schedule } from '../kernel/schedule.js';
import type { Ms } from '../kernel/units.js';

/** Events below which no rate trips: one bad message among twenty is no trend. */
const FEWEST_EVENTS = 3;
/** Deliveries of seven days below which a complaint rate says nothing. */
const FEWEST_DELIVERIES = 1_000;

/** Recipients of one day, on the lanes that share a stage. */
export interface Counts {
  /** Distinct recipients attempted. */
  readonly sent: number;
  /** Recipients in the denominators of the rates. */
  readonly sample: number;
  readonly delivered: number;
  readonly deferrals: number;
  readonly blocks: number;
  readonly hardBounces: number;
}

/** What such a day came to. */
export interface Facts extends Counts {
  /** What the stage allowed, messages; the denominator of `sent`. Infinity when it sets no bound. */
  readonly allowed: number;
  /** Complaints of seven days. */
  readonly complaints: number;
  /** Recipients delivered in seven days to providers that report complaints. */
  readonly reporting: number;
  /** Time a window that holds warm-up was open. */
  readonly windowOpen: Ms;
}

export type Finding = 'step-back' | 'hold' | 'too-few' | 'earned' | 'unearned';

/** A metric's value; null when nothing can be said. */
export function valueOf(metric: GateMetric, facts: Facts): number | null {
  switch (metric) {
    case 'sent':
      return facts.allowed === Infinity ? 1 : facts.allowed > 0 ? facts.sent / facts.allowed : 0;
    case 'delivered':
    case 'deferral-rate':
    case 'hard-bounce-rate':
    case 'block-rate':
      return rateOf(metric, facts);
    case 'complaint-rate':
      return facts.complaints < FEWEST_EVENTS || facts.reporting < FEWEST_DELIVERIES ? null : part(facts.complaints, facts.reporting);
    case 'window-open':
      return facts.windowOpen;
  }
}

type Rate = 'delivered' | 'deferral-rate' | 'hard-bounce-rate' | 'block-rate';

function rateOf(metric: Rate, counts: Counts): number | null {
  const n = metric === 'delivered' ? counts.delivered : troubles(metric, counts);
  return part(n, counts.sample);
}

/** The recipients that make a rate what it is. */
function troubles(metric: Rate, counts: Counts): number {
  switch (metric) {
    case 'delivered':
      return counts.sample - counts.delivered;
    case 'deferral-rate':
      return counts.deferrals;
    case 'hard-bounce-rate':
      return counts.hardBounces;
    case 'block-rate':
      return counts.blocks;
  }
}

const part = (n: number, of: number): number | null => (of > 0 ? n / of : null);

/** The events that make a rate what it is; Infinity for what is no rate. */
function eventsOf(metric: GateMetric, facts: Facts): number {
  switch (metric) {
    case 'sent':
    case 'window-open':
      return Infinity;
    case 'complaint-rate':
      return facts.complaints;
    default:
      return troubles(metric, facts);
  }
}

/** A metric for people: `2,310 of 2,400`, `3.1 % (9 of 290)`, `1h20m`, `no data`. */
export function show(metric: GateMetric, facts: Facts): string {
  const value = valueOf(metric, facts);
  if (value === null) return 'no data';
  if (metric === 'window-open') return printDuration(value);
  if (metric === 'sent') {
    return facts.allowed === Infinity ? `${group(facts.sent)}, no bound` : `${group(facts.sent)} of ${group(Math.round(facts.allowed))}`;
  }
  if (metric === 'delivered') return percent(value);
  return `${percent(value)} (${group(eventsOf(metric, facts))} of ${group(metric === 'complaint-rate' ? facts.reporting : facts.sample)})`;
}

/** Does the condition hold? An unknown value meets nothing. */
export function meets(condition: Condition, facts: Facts): boolean {
  return holds(condition, valueOf(condition.metric, facts));
}

function holds(condition: Condition, value: number | null): boolean {
  if (value === null) return false;
  switch (condition.op) {
    case '>':
      return value > condition.value;
    case '>=':
      return value >= condition.value;
    case '<':
      return value < condition.value;
    case '<=':
      return value <= condition.value;
  }
}

/** Does a hold or step-back condition trip? Rates need min-sample and three events; a time needs neither. */
export function trips(condition: Condition, facts: Facts, minSample: number): boolean {
  if (condition.metric !== 'window-open' && facts.sample < minSample) return false;
  return eventsOf(condition.metric, facts) >= FEWEST_EVENTS && meets(condition, facts);
}

/** Step-back conditions that trip in the middle of a day, when `sent` is not yet what the day will come to. */
export function brakes(schedule: Schedule, facts: Facts): readonly Condition[] {
  const { stepBack, minSample } = schedule.gates;
  return stepBack.filter(c => c.metric !== 'sent' && trips(c, facts, minSample));
}

/**
 * Can `brakes` find anything? Asked after every outcome, hence without allocation; what is dear to know counts as possible.
 * `complaints`: there are any.
 */
export function mayBrake({ gates: { stepBack, minSample } }: Schedule, counts: Counts, complaints: boolean): boolean {
  for (const condition of stepBack) {
    const { metric } = condition;
    if (metric === 'window-open') return true;
    if (metric === 'sent' || counts.sample < minSample) continue;
    if (metric === 'complaint-rate') {
      if (complaints) return true;
    } else if (troubles(metric, counts) >= FEWEST_EVENTS && holds(condition, rateOf(metric, counts))) return true;
  }
  return false;
}

/** What a tick makes of these facts, and the conditions that decide it (for `unearned`: those that fail). */
export function find(schedule: Schedule, facts: Facts): { readonly finding: Finding; readonly because: readonly Condition[] } {
  const { advance, hold, stepBack, minSample } = schedule.gates;
  const back = stepBack.filter(c => trips(c, facts, minSample));
  if (back.length > 0) return { finding: 'step-back', because: back };
  const held = hold.filter(c => trips(c, facts, minSample));
  if (held.length > 0) return { finding: 'hold', because: held };
  if (facts.sample < minSample) return { finding: 'too-few', because: [] };
  const missing = advance.filter(c => !meets(c, facts));
  return missing.length > 0 ? { finding: 'unearned', because: missing } : { finding: 'earned', because: advance };
}

/** `sent 12 of 80; delivered 71 %`, with the gate behind each when asked for: `, gate >= 50%`. */
export function tell(conditions: readonly Condition[], facts: Facts, withGate: boolean): string {
  return conditions
    .map(c => {
      const gate = c.text.startsWith(c.metric) ? c.text.slice(c.metric.length).replace(/^:?\s*/, '') : c.text;
      return `${c.metric} ${show(c.metric, facts)}${withGate ? `, gate ${gate}` : ''}`;
    })
    .join('; ');
}

/** `2,310` */
export function group(n: number): string {
  return n.toLocaleString('en-US');
}

/** `99.1 %` */
export function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(fraction < 0.01 ? 2 : 1))} %`;
}
