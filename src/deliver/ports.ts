/**
 * What delivery needs of its siblings. spool/, route/ and outcome/ fit these shapes; the daemon hands them over.
 */
import type { AccountingRecord } from '../kernel/accounting.js';
import type { DayRow } from '../kernel/day.js';
import type { Events } from '../kernel/events.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { BodyRef, Envelope, MessageNumber, NewRecipient, QueuedRecipient } from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import type { SideRow, Suppression } from '../kernel/suppression.js';
import type { LaneName } from '../kernel/verdict.js';
import type { Classifier } from '../outcome/classify.js';
import type { Conclusion } from './conclude.js';
import type { Router } from '../route/router.js';
import type { Dialogue } from './dialogue.js';
import type { HostMemory } from './host-memory.js';
import type { SignAnew } from './sign-anew.js';

/** A message as the spool has it; the content may be in pieces. */
export interface Mail {
  readonly envelope: Envelope;
  readonly content: readonly Buffer[];
}

/** A recipient about to leave. */
export interface Departing {
  readonly row: QueuedRecipient;
  readonly envelope: Envelope;
  readonly lane: LaneName;
}

/** What one recipient's attempt, or its wait, came to. */
export interface End {
  readonly row: QueuedRecipient;
  readonly match: ReplyMatch;
  readonly conclusion: Conclusion;
}

export interface DeliverStore {
  accept(envelope: Envelope, recipients: readonly NewRecipient[], content: Buffer | readonly Buffer[]): Promise<MessageNumber>;
  mail(ref: BodyRef): Promise<Mail>;
  settle(changes: readonly RowChange[], days: readonly DayRow[], beside?: readonly SideRow[]): Promise<void>;
  queues(): Iterable<Queue>;
  onHead(listener: (queue: Queue) => void): void;
}

export interface DeliverLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface DeliverPorts {
  readonly clock: Clock;
  readonly events: Events;
  readonly settings: () => Settings;
  readonly store: DeliverStore;
  readonly router: Router;
  /** What connecting has taught about addresses; shown by `why`. */
  readonly memory: HostMemory;
  readonly governor: Governor;
  readonly classifier: () => Classifier;
  /** What keeps mail of this sender from this address now; undefined: nothing. */
  readonly suppressed?: (address: string, sender: string) => Suppression | undefined;
  /** What is to be remembered of recipients that have come to their end, in the commit that ends them. */
  readonly remember?: (ends: readonly End[]) => readonly SideRow[];
  /** Buffers a record; flushed before the outcome commits. */
  readonly account: (record: AccountingRecord) => void;
  readonly flushAccounting: () => Promise<void>;
  /** Writes all reservations of this turn; called before their MAIL FROM. */
  readonly flushLedger: () => void;
  readonly random: () => number;
  /** A reverse path that names this recipient alone; undefined: the envelope's sender. Never asked for the null sender. */
  readonly reversePath?: (about: Departing) => string | undefined;
  /** Signs what had to be changed for its receiver; without it, mail signed here is never changed. */
  readonly signAnew?: SignAnew;
  readonly log: DeliverLog;
  /** What is said on connections, for whoever listens. */
  readonly dialogue: Dialogue;
  /** A commit failed: the daemon cannot go on honestly. */
  readonly failed: (error: Error) => void;
}
