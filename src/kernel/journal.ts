/**
 * Journal records: every change of a limit, with an id, a cause and an author. The governor makes them; outcome/journal
 * writes them before the change takes effect; replaying `state` over a snapshot restores the governor.
 */
import type { Instant } from './units.js';

export const JOURNAL_TYPES = [
  'started',
  'stopped',
  'reloaded',
  'window-opened',
  'window-extended',
  'window-closed',
  'window-lifted',
  'stage-placed',
  'stage-advanced',
  'stage-held',
  'stage-back',
  'stage-braked',
  'graduated',
  'held',
  'released',
  'paused',
  'resumed',
  'undone',
  'deleted',
  'retried',
  'suppressed',
  'unsuppressed',
  'imported',
] as const;
export type JournalType = (typeof JOURNAL_TYPES)[number];

/** Of what people did and what befell the daemon, where no limit changed. */
export type NotedType = Extract<
  JournalType,
  'started' | 'stopped' | 'reloaded' | 'deleted' | 'retried' | 'suppressed' | 'unsuppressed' | 'imported'
>;

export interface JournalRecord {
  /** Strictly increasing per node. */
  readonly id: number;
  /** Policy time. */
  readonly at: Instant;
  /** Wall time, ISO 8601, for people. */
  readonly time: string;
  readonly type: JournalType;
  /** rule:<provider>/<id>, gate, tick, reload, operator:<name>, daemon. */
  readonly author: string;
  /** One sentence for people: what happened and why. */
  readonly text: string;
  readonly source?: string;
  readonly provider?: string;
  readonly window?: string;
  /** The remote reply that caused it, printable. */
  readonly reply?: string;
  /** Id of the record that caused it. */
  readonly cause?: number;
  /** The message whose attempt the reply answered, as printMessageId prints it. */
  readonly message?: string;
  /** Keys of the governor's state set by this record: value null removes. Replay is assignment, hence idempotent. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Acts of people, which can be undone: what the keys were before that the act changed; null: absent. */
  readonly before?: Readonly<Record<string, unknown>>;
}

/** An act to be undone and what became of it since; see Trace in govern/. */
export interface PastAct {
  /** The act itself, then the records it caused, oldest first. */
  readonly records: readonly Omit<JournalRecord, 'time'>[];
  /** The first later record that changed what they had changed. */
  readonly later?: Omit<JournalRecord, 'time'>;
}
