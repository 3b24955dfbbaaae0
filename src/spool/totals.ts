/**
 * What the spool counts, all in recipients unless it says otherwise. Committed in the transaction of the rows counted, so
 * that accepted = delivered + bounced + suppressed + deleted + waiting holds after every crash.
 */
export interface Totals {
  accepted: number;
  delivered: number;
  /** Deferrals: events, one recipient may have many. */
  deferred: number;
  bounced: number;
  suppressed: number;
  deleted: number;
  /** Attempts cut off after the final dot: events. */
  uncertain: number;
  waiting: number;
  /** Messages with at least one recipient waiting. */
  messages: number;
  /** Content bytes of these messages. */
  bytes: number;
}

export interface Counters extends Totals {
  /** Message numbers below this may have been given out. */
  reserved: number;
  /** Queue ids below this may have been given out; ids are never used twice. */
  nextQueue: number;
  /** Segment numbers below this may have been used. */
  nextSegment: number;
}

export const noCounters = (): Counters => ({
  accepted: 0,
  delivered: 0,
  deferred: 0,
  bounced: 0,
  suppressed: 0,
  deleted: 0,
  uncertain: 0,
  waiting: 0,
  messages: 0,
  bytes: 0,
  reserved: 1,
  nextQueue: 1,
  nextSegment: 1,
});

export function totalsOf(counters: Counters): Totals {
  const { accepted, delivered, deferred, bounced, suppressed, deleted, uncertain, waiting, messages, bytes } = counters;
  return { accepted, delivered, deferred, bounced, suppressed, deleted, uncertain, waiting, messages, bytes };
}
