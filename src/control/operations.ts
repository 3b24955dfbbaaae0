/**
 * What the control API may ask of the daemon. The daemon implements it; server.ts exposes it; tests give a fake.
 *
 * Every act names its author (the operator's user name) and may carry a reason. Refusals are Refusal, with a sentence for
 * people; they change nothing.
 */
import type { DoctorView } from './doctor-view.js';
import type { SuppressionOperations } from './suppression-operations.js';
import type { TraceLine } from './trace-view.js';
import type { TlsView } from './tls-view.js';
import type {
  ForecastView,
  FeedView,
  JobView,
  LaneView,
  MessageView,
  QueueView,
  SourceView,
  StatusView,
  WindowView,
  SndsImportView,
} from './view.js';
import type { WhyView } from './why-view.js';

export class Refusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Refusal';
  }
}

export interface Act {
  readonly author: string;
  readonly why?: string;
}

export type StageVerb = 'hold' | 'release' | 'advance' | 'step-back' | 'graduate' | 'restart';

export interface DeleteFilter {
  /** domain@pool, globs allowed. */
  readonly queue?: string;
  /** Glob on the sender. */
  readonly from?: string;
  /** Glob on the recipient. */
  readonly rcpt?: string;
  readonly job?: string;
  /** Milliseconds since acceptance. */
  readonly olderThan?: number;
  readonly message?: string;
  /** Send a DSN to the sender of each. */
  readonly dsn: boolean;
}

/** Globs, but for `since`; what is absent is not asked. */
export interface JournalFilter {
  /** Epoch milliseconds of the daemon's wall clock. */
  readonly since?: number;
  readonly type?: string;
  readonly source?: string;
  readonly provider?: string;
}

/** Some lines of the journal. `through`: everything up to this id has been looked at. */
export interface JournalPage {
  readonly through: number;
  readonly lines: readonly FeedView[];
}

export interface ProviderView {
  name: string;
  mx: string[];
  domains: string[];
  rules: number;
  from: string;
}

export interface ScheduleView {
  name: string;
  description: string;
  stages: number;
  tick: string;
  timezone: string;
  usedBy: string[];
}

export interface Operations {
  readonly suppression: SuppressionOperations;
  /** A file of Microsoft SNDS data, in pieces. */
  importSnds(text: AsyncIterable<Buffer | string>, act: Act): Promise<SndsImportView>;
  status(): StatusView;
  sources(): SourceView[];
  lanes(): LaneView[];
  queues(): QueueView[];
  jobs(): JobView[];
  windows(): WindowView[];
  providers(): ProviderView[];
  schedules(): ScheduleView[];
  /** The settings in force, as plain JSON with origins; passwords left out. */
  settings(): unknown;
  tls(): TlsView;
  /** What the doctor found last; null when it has not looked, or is not to. */
  doctor(): DoctorView | null;
  messages(filter: { readonly queue?: string; readonly limit: number }): Promise<MessageView[]>;
  /** undefined: no recipient of it waits. */
  message(id: string): Promise<MessageView | undefined>;
  /** MESSAGE id, LANE `source/provider` or SOURCE name. */
  why(target: string): Promise<WhyView>;
  /** What becomes of the mail that waits in a pool. */
  forecast(pool: string): ForecastView;
  /** Lines with an id above `after` that are still known, oldest first, at most `limit` (Infinity: all). */
  feed(after: number, limit: number): FeedView[];
  /** Calls back for every new feed line until the returned function is called. */
  follow(listener: (line: FeedView) => void): () => void;
  /** Calls back for every line of the SMTP dialogue of a lane, a source or a message, until the returned function is called. */
  trace(target: string, hear: (line: TraceLine) => void): Promise<() => void>;
  /** The whole journal after an id as it stands now, oldest first; a bounded piece of work for each page. */
  journal(filter: JournalFilter, after: number): AsyncIterable<JournalPage>;
  /** Takes back an act of a person by its journal id; returns what is now in force. */
  undo(id: number, act: Act): Promise<string>;
  /** Target: queue `domain@pool`, lane `source/provider`, `job:NAME`, source or provider name; globs. Returns the names concerned. */
  pause(target: string, act: Act): Promise<string[]>;
  resume(target: string, act: Act): Promise<string[]>;
  lift(window: string, act: Act): Promise<void>;
  stage(verb: StageVerb, source: string, options: { readonly provider?: string; readonly stage?: number }, act: Act): Promise<string>;
  /** Queue, lane, `job:NAME` or message: due now; limits still hold. Returns how many recipients. */
  retry(target: string, act: Act): Promise<number>;
  remove(filter: DeleteFilter, act: Act): Promise<number>;
  /** Sends a test alert by every way configured; returns the ways. */
  alertTest(act: Act): Promise<string[]>;
  /** Throws FaultError when the new text is faulty; what was in force stays. */
  reload(act: Act): Promise<{ warnings: string[] }>;
  stop(act: Act): Promise<void>;
}
