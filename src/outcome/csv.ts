/**
 * Accounting records as CSV lines (RFC 4180 quoting, LF line ends), with the columns of PowerMTA's accounting files and a
 * few of our own behind them.
 *
 * Text from remote hosts loses its control characters, so a record is always one line. Pure.
 */
import { printable } from '../kernel/text.js';
import type { OutcomeClass } from '../kernel/reply.js';
import type { Instant } from '../kernel/units.js';

/** What became of one recipient in one attempt (or at the end of all attempts). */
export interface AccountingRecord {
  /** d delivered, b bounced (for good), t deferred. */
  readonly type: 'd' | 'b' | 't';
  /** Policy time of the outcome, and of acceptance. */
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
  /** Who injected the message. */
  readonly client: string;
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
}

const ACTION = { d: 'relayed', b: 'failed', t: 'delayed' } as const;

type Field = string | number | undefined;
type Column = readonly [name: string, value: (record: AccountingRecord, time: (at: Instant) => string) => Field];

const COLUMNS: readonly Column[] = [
  ['type', r => r.type],
  ['timeLogged', (r, time) => time(r.logged)],
  ['timeQueued', (r, time) => time(r.queued)],
  ['orig', r => r.orig],
  ['rcpt', r => r.rcpt],
  ['orcpt', r => r.orcpt],
  ['dsnAction', r => ACTION[r.type]],
  ['dsnStatus', r => r.status],
  ['dsnDiag', r => (r.diag === undefined ? '' : `smtp;${r.diag}`)],
  ['dsnMta', r => (r.mta === undefined ? '' : r.destinationIp === undefined ? r.mta : `${r.mta} (${r.destinationIp})`)],
  ['bounceCat', r => r.category],
  ['srcType', () => 'smtp'],
  ['srcMta', r => r.client],
  ['dlvType', () => 'smtp'],
  ['dlvSourceIp', r => r.sourceIp],
  ['dlvDestinationIp', r => r.destinationIp],
  ['dlvEsmtpAvailable', r => r.esmtp],
  ['dlvSize', r => r.size],
  ['vmta', r => r.source],
  ['jobId', r => r.job],
  ['envId', r => r.envid],
  ['queue', r => r.queue],
  ['vmtaPool', r => r.pool],
  ['class', r => r.class],
  ['rule', r => r.rule],
  ['provider', r => r.provider],
  ['stage', r => r.stage],
  ['uncertain', r => (r.uncertain ? 1 : 0)],
];

/** The first line of every accounting file. */
export const ACCOUNTING_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\n`;

/** One record as one line, its end included. `time` prints a policy instant. */
export function accountingLine(record: AccountingRecord, time: (at: Instant) => string): string {
  let line = '';
  for (const [, value] of COLUMNS) line += `${line === '' ? '' : ','}${csvField(value(record, time))}`;
  return `${line}\n`;
}

/** Needs a closer look: quotes, commas, blanks at either end, or anything that is not printable ASCII. */
const SPECIAL = /[",]|^\s|\s$|[^ -~]/;
const LONGEST = 2_000;

export function csvField(value: Field): string {
  if (value === undefined) return '';
  const text = typeof value === 'number' ? String(value) : value;
  if (text.length <= LONGEST && !SPECIAL.test(text)) return text;
  const clean = printable(text, LONGEST);
  return /[",]/.test(clean) ? `"${clean.replaceAll('"', '""')}"` : clean;
}

let lastSecond = NaN;
let lastText = '';

/** `2023-11-20 12:00:00+0000`, as PowerMTA writes times. `epoch` in milliseconds. */
export function accountingTime(epoch: number): string {
  const second = Math.floor(epoch / 1_000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1_000).toISOString().slice(0, 19).replace('T', ' ')}+0000`;
    lastSecond = second;
  }
  return lastText;
}
