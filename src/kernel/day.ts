/**
 * Day counters: what one lane did from one tick to the next. Rows are keyed (source address, provider, day) and commit with
 * the outcomes they count.
 */
import type { OutcomeClass } from './reply.js';
import type { Instant } from './units.js';

export interface DayRow {
  /** Source address, not its name: progress belongs to the address. */
  readonly address: string;
  readonly provider: string;
  /** The tick the day began with. */
  readonly day: Instant;
  /** Attempts, each recipient counted as often as it was tried. */
  readonly attempts: number;
  /** Distinct recipients by the class of their last outcome here today. */
  readonly recipients: Readonly<Partial<Record<OutcomeClass, number>>>;
}
