/**
 * A warm-up schedule, checked and expanded: formula ramps have become explicit stages.
 */
import type { Place } from './fault.js';
import type { Limits } from './limits.js';
import { HOUR } from './units.js';
import type { Ms } from './units.js';

/** A tick closer than this to the last one judged is not judged: a day is never cut short by a changed cron or zone. */
export const SHORTEST_DAY: Ms = 20 * HOUR;

export interface Stage {
  /** 1-based. */
  readonly number: number;
  /** Always has maxMsgPerHour. */
  readonly limits: Limits;
  readonly from: Place;
}

export const GATE_METRICS = [
  'sent',
  'delivered',
  'deferral-rate',
  'hard-bounce-rate',
  'block-rate',
  'complaint-rate',
  'window-open',
] as const;
export type GateMetric = (typeof GATE_METRICS)[number];

/** `sent: ">= 50%"` is {metric: sent, op: '>=', value: 0.5}; window-open's value is milliseconds. */
export interface Condition {
  readonly metric: GateMetric;
  readonly op: '>' | '>=' | '<' | '<=';
  readonly value: number;
  readonly from: Place;
  /** As written, for people: `deferral-rate > 10%`. */
  readonly text: string;
}

export interface Schedule {
  readonly name: string;
  readonly description: string;
  readonly from: Place;
  /** Five-field cron expression. */
  readonly tick: string;
  /** IANA zone. */
  readonly timezone: string;
  readonly advance: 'earned' | 'calendar';
  readonly stages: readonly Stage[];
  /** Providers with a stage of their own; their stages are already scaled. */
  readonly providers: ReadonlyMap<string, { readonly stages: readonly Stage[]; readonly from: Place }>;
  readonly gates: {
    readonly advance: readonly Condition[];
    readonly hold: readonly Condition[];
    readonly stepBack: readonly Condition[];
    readonly minSample: number;
  };
  readonly idle: { readonly after: Ms; readonly stepBack: number; readonly every: Ms; readonly restartAfter: Ms };
  /** A warming lane's day is at most `growth` times its best of the last 30 days; Infinity switches it off. */
  readonly growth: number;
}
