/**
 * Accounting records: what is told, once, of a recipient, of a report that came back about one, and of a limit that changed.
 *
 * The types d, b, t, r, rb, rs and f and the names of their fields are PowerMTA's ("record-fields" of its <acct-file>); w, s and
 * the fields said so are our own. Instants are policy time; absent means unknown or not said.
 */
import type { OutcomeClass } from './reply.js';
import type { Instant } from './units.js';

/**
 * d delivered, b bounced for good, t deferred; r received; rb a bounce that came back by mail, rs any other status report that
 * did (delayed, relayed, delivered); f a complaint from a feedback loop; w a window, s a stage that changed.
 */
export const RECORD_TYPES = ['d', 'b', 't', 'r', 'rb', 'rs', 'f', 'w', 's'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** How mail came in: over HTTP, or made here (notices, alerts, reports). */
export type SourceType = 'api' | 'local';

/** What became of one recipient in one attempt (or at the end of all attempts). */
export interface AttemptRecord {
  readonly type: 'd' | 'b' | 't';
  /** Of the outcome, and of acceptance. */
  readonly logged: Instant;
  readonly queued: Instant;
  readonly orig: string;
  readonly rcpt: string;
  readonly orcpt?: string;
  /** RFC 3463 code; absent when the remote host gave none and none fits. */
  readonly status?: string;
  /** The remote reply, or our own words, as one line. */
  readonly diag?: string;
  /** Name of the remote host. */
  readonly mta?: string;
  /** PowerMTA's bounce category: bad-mailbox, quota-issues, policy-related … */
  readonly category?: string;
  /** Who injected the message, and how; SMTP unless said. */
  readonly client: string;
  readonly via?: SourceType;
  readonly sourceIp?: string;
  readonly destinationIp?: string;
  /** SMTP extensions the remote host offers. */
  readonly esmtp?: string;
  /** Bytes. */
  readonly size: number;
  /** Name of the source; absent when no attempt was made. */
  readonly source?: string;
  readonly job?: string;
  readonly envid?: string;
  /** `domain@pool` */
  readonly queue: string;
  readonly pool: string;
  readonly class: OutcomeClass;
  readonly rule?: string;
  readonly provider?: string;
  /** Warm-up stage of the source at the attempt. */
  readonly stage?: number;
  /** The attempt was cut off after the final dot. */
  readonly uncertain?: boolean;
  /** As printMessageId prints it. */
  readonly message?: string;
}

/** A recipient of a message that was answered 250. */
export interface ReceivedRecord {
  readonly type: 'r';
  readonly logged: Instant;
  readonly orig: string;
  readonly rcpt: string;
  readonly orcpt?: string;
  readonly client: string;
  readonly via?: SourceType;
  readonly size: number;
  readonly job?: string;
  readonly envid?: string;
  readonly queue: string;
  readonly pool: string;
  readonly message: string;
}

/** What is known, from the token it came with, of the mail that a report is about. */
export interface Reported {
  readonly logged: Instant;
  /** When the mail was accepted. */
  readonly queued?: Instant;
  /** Sender of the mail, not of the report. */
  readonly orig?: string;
  readonly rcpt?: string;
  readonly orcpt?: string;
  readonly client?: string;
  readonly source?: string;
  readonly sourceIp?: string;
  readonly provider?: string;
  readonly job?: string;
  readonly envid?: string;
  readonly queue?: string;
  readonly pool?: string;
  readonly message?: string;
}

/** A delivery status report that came back by mail (RFC 3464, or text): rb when it says failed, rs when it says anything else. */
export interface RemoteRecord extends Reported {
  readonly type: 'rb' | 'rs';
  /** RFC 3464 §2.3.3. */
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  readonly status?: string;
  readonly diag?: string;
  /** Remote-MTA: who refused it. */
  readonly mta?: string;
  /** Reporting-MTA: who says so. */
  readonly reportingMta?: string;
  readonly category?: string;
  readonly class?: OutcomeClass;
  readonly rule?: string;
}

/** A complaint of a feedback loop (RFC 5965). */
export interface ComplaintRecord extends Reported {
  readonly type: 'f';
  /** Feedback-Type: abuse, fraud, virus, not-spam, other … */
  readonly feedbackType: string;
  /** arf. */
  readonly format: string;
  readonly userAgent?: string;
  readonly reportingMta?: string;
  readonly reportedDomain?: string;
  /** Source-IP of the report: what it says, not what we know. */
  readonly reportedIp?: string;
}

/** A limit changed: a journal record of a window (w) or of a stage (s). */
export interface ChangeRecord {
  readonly type: 'w' | 's';
  readonly logged: Instant;
  /** Id of the journal record. */
  readonly journal: number;
  /** Its type: window-opened, stage-braked … */
  readonly event: string;
  readonly author: string;
  readonly text: string;
  readonly source?: string;
  readonly sourceIp?: string;
  readonly provider?: string;
  readonly window?: string;
  /** The remote reply behind it. */
  readonly diag?: string;
  readonly message?: string;
}

export type AccountingRecord = AttemptRecord | ReceivedRecord | RemoteRecord | ComplaintRecord | ChangeRecord;

const ABOUT = ['type', 'timeLogged', 'timeQueued', 'orig', 'rcpt', 'orcpt'] as const;
const STATUS = ['dsnAction', 'dsnStatus', 'dsnDiag', 'dsnMta', 'bounceCat'] as const;
const MAIL = ['jobId', 'envId', 'queue', 'vmtaPool'] as const;

/** Of d, b and t; what stands behind vmtaPool is our own. */
const ATTEMPT = [
  ...ABOUT,
  ...STATUS,
  'srcType',
  'srcMta',
  'dlvType',
  'dlvSourceIp',
  'dlvDestinationIp',
  'dlvEsmtpAvailable',
  'dlvSize',
  'vmta',
  ...MAIL,
  'class',
  'rule',
  'provider',
  'stage',
  'uncertain',
  'message',
] as const;
const RECEIVED = ['type', 'timeLogged', 'orig', 'rcpt', 'orcpt', 'srcType', 'srcMta', 'dlvSize', ...MAIL, 'message'] as const;
const REPORTED = ['srcMta', 'dlvSourceIp', 'vmta', ...MAIL] as const;
const REMOTE = [...ABOUT, ...STATUS, ...REPORTED, 'dsnReportingMta', 'class', 'rule', 'provider', 'message'] as const;
const COMPLAINT = [
  ...ABOUT,
  ...REPORTED,
  'repSourceIp',
  'feedbackType',
  'format',
  'userAgent',
  'reportingMta',
  'reportedDomain',
  'provider',
  'message',
] as const;
const CHANGE = [
  'type',
  'timeLogged',
  'dsnDiag',
  'dlvSourceIp',
  'vmta',
  'provider',
  'message',
  'event',
  'author',
  'text',
  'window',
  'journal',
] as const;

/** The fields each type of record has. */
export const FIELDS = {
  d: ATTEMPT,
  b: ATTEMPT,
  t: ATTEMPT,
  r: RECEIVED,
  rb: REMOTE,
  rs: REMOTE,
  f: COMPLAINT,
  w: CHANGE,
  s: CHANGE,
} as const satisfies Readonly<Record<RecordType, readonly string[]>>;

export type FieldName = (typeof FIELDS)[RecordType][number];

/** All fields, in the order in which they are columns of a file that holds all types. */
export const FIELD_NAMES: readonly FieldName[] = [...new Set<FieldName>([...ATTEMPT, ...REMOTE, ...COMPLAINT, ...RECEIVED, ...CHANGE])];
