/**
 * Queues as the spool keeps them and delivery works on them: what makes one, what it shows, and what may become of its rows.
 */
import type { QueuedRecipient, RecipientState } from './message.js';
import type { Priority, WarmUpWish } from './settings.js';
import type { Instant } from './units.js';

/** What makes a queue: mail that agrees in all of it waits in one. */
export interface QueueKind {
  readonly pool: string;
  /** The recipients'. */
  readonly domain: string;
  readonly warmUp: WarmUpWish;
  readonly priority: Priority;
  /** '' for mail without one. */
  readonly job: string;
}

export interface Queue extends QueueKind {
  readonly id: number;
  /** Rows committed, those in flight included. */
  readonly waiting: number;
  /** Due time of the first row not in flight; null when there is none. */
  readonly nextDue: Instant | null;
  /** Rows due at `now` and not in flight: exact when memory reaches that far, else all that wait. */
  dueCountUpTo(now: Instant): number;
  /** The first `n` rows in due order that are not in flight, due or not. */
  peek(n: number): readonly QueuedRecipient[];
  /** Puts a row in flight until it is settled or given back. False: somebody else has it, or it is gone. */
  take(row: QueuedRecipient): boolean;
  /** Back to its place, unchanged. */
  giveBack(row: QueuedRecipient): void;
}

/** How a recipient leaves, or stays: which total a change adds to. */
export type Count = 'delivered' | 'deferred' | 'bounced' | 'suppressed' | 'deleted';

export interface RowChange {
  readonly row: QueuedRecipient;
  readonly queue: Queue;
  /** null: it leaves the spool, and `count` says how. */
  readonly to: { readonly due: Instant; readonly state: RecipientState } | null;
  readonly count?: Count;
  /** The attempt was cut off after the final dot. */
  readonly uncertain?: boolean;
}
