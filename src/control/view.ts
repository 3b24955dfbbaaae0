/**
 * The shapes a running daemon shows: `rampd status --json` and GET /v1/status are this contract. Times are ISO 8601, rates
 * are numbers per hour, null means no limit. Pure data: the UI and the commands see nothing else of the daemon.
 */
import type { DoctorView } from './doctor-view.js';

export type SourceState = 'paused' | 'suspended' | 'holding' | 'backing-off' | 'warming' | 'warm';

export interface ReasonView {
  limit: string;
  value: number | null;
  used: number | null;
  from: string;
  window?: string;
  reply?: string;
  /** When the reply came, and the message whose attempt it answered. */
  replied?: string;
  message?: string;
  until: string | null;
}

export interface SourceView {
  name: string;
  address: string;
  hostName: string;
  state: SourceState;
  schedule: string | null;
  stage: number | null;
  stages: number | null;
  maxMsgPerHour: number | null;
  attemptsLastHour: number;
  attemptsToday: number;
  maxMsgPerDay: number | null;
  deliveredToday: number;
  deferredToday: number;
  bouncedToday: number;
  /** Of the last seven days. */
  complaints: number;
  /** Would today be earned if it were judged now? null for a warm source. */
  earned: boolean | null;
  /** The first stage that the best of the last seven days would not earn, as a sentence; null when there is none. */
  cannotEarn: string | null;
  nextTick: string | null;
  waiting: number;
  /** What Microsoft SNDS last said of its address; null before `rampd import snds`. */
  snds: SndsView | null;
  because: ReasonView[];
}

/** Times as SNDS writes them, without a zone. */
export interface SndsView {
  from: string;
  until: string;
  filter: 'GREEN' | 'YELLOW' | 'RED';
  complaintRate: string;
  recipients: number;
  trapHits: number;
}

/** What became of a file of SNDS data: sources with new data; lines that were known, of other addresses, or faulty. */
export interface SndsImportView {
  sources: string[];
  known: number;
  others: number;
  faulty: number;
  faults: { line: number; what: string }[];
}

export interface VerdictView {
  go: boolean;
  until: string | null;
  because: ReasonView[];
}

export interface LaneView {
  source: string;
  provider: string;
  connections: number;
  maxSmtpOut: number | null;
  maxMsgPerHour: number | null;
  attemptsLastHour: number;
  waiting: number;
  verdict: VerdictView;
  windows: string[];
}

export interface QueueView {
  pool: string;
  domain: string;
  provider: string | null;
  waiting: number;
  oldest: string | null;
  nextDue: string | null;
  /** Why nothing leaves, when the queue itself is the cause: paused, no route, pool without sources. */
  note?: string;
}

/** Mail of one job: X-Job of the client, or the user it authenticated as. */
export interface JobView {
  job: string;
  /** Recipients. */
  waiting: number;
  /** Recipient domains, pools and wishes apart. */
  queues: number;
  nextDue: string | null;
  /** Who paused it, and why; null when it is not paused. */
  paused: string | null;
}

export interface WindowView {
  id: string;
  source: string | null;
  provider: string | null;
  scope: string;
  /** Sender or recipient domain, or recipient, for windows of such a scope. */
  subject?: string;
  rule: string;
  from: string;
  opened: string;
  until: string;
  recoverUntil: string;
  hits: number;
  maxSmtpOut: number | null;
  maxMsgPerHour: number | null;
  suspend: boolean;
  /** The last that opened or extended it; when it came; the message whose attempt it answered. */
  reply: string;
  replied?: string;
  message?: string;
}

export interface StatusView {
  now: string;
  /** Seconds. */
  uptime: number;
  version: string;
  totals: {
    accepted: number;
    delivered: number;
    deferred: number;
    bounced: number;
    suppressed: number;
    deleted: number;
    waiting: number;
    uncertain: number;
  };
  /** Reports about delivered mail that came in, where the settings take any. `aside`: not believed, or not to be read. */
  feedback?: { bounces: number; complaints: number; repeated: number; ignored: number; aside: number };
  spool: { messages: number; recipients: number; bytes: number };
  sources: SourceView[];
  lanes: LaneView[];
  queues: QueueView[];
  windows: WindowView[];
  /** Jobs that a person has paused; absent when there is none. */
  pausedJobs?: JobView[];
  /** What `rampd doctor` found at the start or the last reload; absent when it has not looked. */
  doctor?: Pick<DoctorView, 'at' | 'state' | 'counts'>;
  /** Where records are written; absent when nowhere. */
  records?: RecordsView[];
}

/** An accounting file, the reject log or a webhook. */
export interface RecordsView {
  /** Path, or name of the webhook. */
  name: string;
  /** Records in memory, not on the disk. */
  waiting: number;
  /** Given up since the start. */
  lost: number;
  /** Of a webhook: bytes on disk that were not taken. */
  bytes?: number;
  /** Why it cannot be written, or what the webhook answers. */
  error?: string;
}

/** One line of the event feed. */
export interface FeedView {
  id: number;
  time: string;
  type: string;
  source?: string;
  provider?: string;
  window?: string;
  author: string;
  text: string;
  reply?: string;
  /** The message whose attempt was answered so. */
  message?: string;
  /** Id of the line that caused it. */
  cause?: number;
}

export interface MessageView {
  id: string;
  /** Who handed it in: address, user or token. */
  client: string;
  sender: string;
  recipients: {
    address: string;
    queue: string;
    attempts: number;
    due: string;
    last?: { time: string; class: string; reply: string; source: string; host: string };
  }[];
  accepted: string;
  bytes: number;
  job?: string;
}

/** What becomes of what waits in a pool; counts are recipients. */
export interface ForecastView {
  pool: string;
  /** It has no warm source. */
  onlyCold: boolean;
  waiting: number;
  /** In queues that are paused, or cannot be delivered: not reckoned with, nor part of `waiting`. */
  held: number;
  leaves: number;
  expires: number;
  /** When nothing waits any more; null when that cannot be foretold. */
  done: string | null;
  days: {
    from: string;
    until: string;
    leaves: number;
    expires: number;
    waiting: number;
    sources: { name: string; stage: number | null; leaves: number; allows: number | null }[];
  }[];
  /** Days whose mail is too little to earn their stage; the first of each source, or of a provider with stages of its own. */
  unearned: { source: string; provider?: string; stage: number; stages: number; at: string; needs: number; sends: number }[];
  /** Sources that let nothing leave as it stands, and why. */
  stopped: string[];
  /** Pools whose mail uses the same sources. */
  shared: { pool: string; waiting: number }[];
}
