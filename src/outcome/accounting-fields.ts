/**
 * What each field of an accounting record holds: one table for every format. Pure.
 *
 * Text from remote hosts loses its control characters and is cut at 2,000 characters, so a record is always one line.
 */
import type {
  AccountingRecord,
  AttemptRecord,
  ChangeRecord,
  ComplaintRecord,
  FieldName,
  ReceivedRecord,
  RecordType,
  RemoteRecord,
} from '../kernel/accounting.js';
import { printable } from '../kernel/text.js';
import type { Instant } from '../kernel/units.js';

export type Value = string | number | boolean | undefined;

/** A record of any type: what a type does not have is absent. */
type Any = { readonly type: RecordType; readonly logged: Instant } & Partial<
  Body<AttemptRecord> & Body<ReceivedRecord> & Body<RemoteRecord> & Body<ComplaintRecord> & Body<ChangeRecord>
>;
type Body<T> = Omit<T, 'type' | 'logged'>;

const ACTION: Readonly<Partial<Record<RecordType, string>>> = { d: 'relayed', b: 'failed', t: 'delayed' };

/** `time` prints a policy instant. */
export type Reader = (record: Any, time: (at: Instant) => string) => Value;

const READERS: Readonly<Record<FieldName, Reader>> = {
  type: r => r.type,
  timeLogged: (r, time) => time(r.logged),
  timeQueued: (r, time) => (r.queued === undefined ? undefined : time(r.queued)),
  orig: r => r.orig,
  rcpt: r => r.rcpt,
  orcpt: r => r.orcpt,
  dsnAction: r => r.action ?? ACTION[r.type],
  dsnStatus: r => r.status,
  dsnDiag: r => (r.diag === undefined ? undefined : `smtp;${r.diag}`),
  dsnMta: r => (r.mta === undefined || r.destinationIp === undefined ? r.mta : `${r.mta} (${r.destinationIp})`),
  bounceCat: r => r.category,
  srcType: r => r.via ?? 'smtp',
  srcMta: r => r.client,
  dlvType: () => 'smtp',
  dlvSourceIp: r => r.sourceIp,
  dlvDestinationIp: r => r.destinationIp,
  dlvEsmtpAvailable: r => r.esmtp,
  dlvSize: r => r.size,
  vmta: r => r.source,
  jobId: r => r.job,
  envId: r => r.envid,
  queue: r => r.queue,
  vmtaPool: r => r.pool,
  class: r => r.class,
  rule: r => r.rule,
  provider: r => r.provider,
  stage: r => r.stage,
  uncertain: r => r.uncertain === true,
  message: r => r.message,
  dsnReportingMta: r => r.reportingMta,
  repSourceIp: r => r.reportedIp,
  feedbackType: r => r.feedbackType,
  format: r => r.format,
  userAgent: r => r.userAgent,
  reportingMta: r => r.reportingMta,
  reportedDomain: r => r.reportedDomain,
  event: r => r.event,
  author: r => r.author,
  text: r => r.text,
  window: r => r.window,
  journal: r => r.journal,
};

/** What reads a field; its text is as it came: pass it through lineText. */
export const readerOf = (name: FieldName): Reader => READERS[name];

/** The value of one field; text as it may be written. */
export function fieldOf(name: FieldName, record: AccountingRecord, time: (at: Instant) => string): Value {
  const value = READERS[name](record, time);
  return typeof value === 'string' ? lineText(value) : value;
}

/** Needs a closer look: blanks at either end, or anything that is not printable ASCII. */
const ODD = /^\s|\s$|[^ -~]/;
const LONGEST = 2_000;

export const lineText = (text: string): string => (text.length > LONGEST || ODD.test(text) ? printable(text, LONGEST) : text);
