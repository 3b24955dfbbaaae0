/**
 * Notices of failure, of delay and of relaying: RFC 3464 delivery status notifications in RFC 6522 multipart/report, with a first part a person can read.
 *
 * Pure. Text from remote hosts loses its control characters before it stands in a field, so no reply can add one. Addresses
 * outside ASCII are reported the way of RFC 6533. The null sender never gets a notification: asking for one is a bug.
 */
import type { Envelope } from '../kernel/message.js';
import { printable } from '../kernel/text.js';
import { mailDate } from './mail-date.js';

/** What is told: given up; still tried; handed to a host that will not tell more (RFC 3464 §2.3.3). */
export type DsnAction = 'failed' | 'delayed' | 'relayed';

export interface DsnRecipient {
  readonly address: string;
  /** `rfc822;user@example.com`, as ORCPT gave it. */
  readonly orcpt?: string;
  /** RFC 3463 code; 5.0.0 when it is none. */
  readonly status: string;
  /** The last reply of the remote host, as one line; absent when there was none. */
  readonly diagnostic?: string;
  /** What this system found itself, where no remote host said a word: no such domain, nobody answers. */
  readonly found?: string;
  readonly remoteMta?: string;
  /** Epoch milliseconds. */
  readonly lastAttempt?: number;
  /** One sentence for people: why it failed. */
  readonly reason: string;
  /** Epoch milliseconds: until when it is tried. For delays. */
  readonly retryUntil?: number;
}

export interface DsnReport {
  /** failed unless said. */
  readonly action?: DsnAction;
  /** Who is told, where that is not the sender. */
  readonly to?: string;
  readonly envelope: Pick<Envelope, 'sender' | 'envid' | 'ret'>;
  /** Epoch milliseconds of acceptance. */
  readonly arrived: number;
  readonly recipients: readonly DsnRecipient[];
  /** The message as it was stored. */
  readonly original: Buffer;
  /** Who the notification is from. */
  readonly from: string;
  readonly hostName: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Unique for this notification: the message id will do. Makes Message-ID and boundary. */
  readonly seed: string;
  /** Originals above this are returned as headers only, whatever RET asks; bytes. */
  readonly fullBelow?: number;
}

const FULL_BELOW = 1024 * 1024;
const LONGEST_HEADER = 64 * 1024;

/** The whole notification, CRLF line ends, ready to enqueue with a null sender. May hold 8-bit text. */
export function buildDsn(report: DsnReport): Buffer {
  const { envelope, recipients, original, now, hostName, action = 'failed', to = envelope.sender } = report;
  if (envelope.sender === '' || recipients.length === 0)
    throw new Error('a notification needs a sender to tell and a recipient to tell of');
  const global = [to, ...recipients.map(r => r.address)].some(notAscii);
  // RFC 3461 §4.3: RET speaks of failures; every other notice returns the header.
  const full = action === 'failed' && envelope.ret === 'FULL' && original.length <= (report.fullBelow ?? FULL_BELOW);
  const returned = full ? original : headerOf(original);
  const text = explanation(report);
  const status = statusFields(report, global);
  const seed = report.seed.replace(/[^A-Za-z0-9.-]/g, '') || 'x';
  const boundary = freeBoundary(seed, [Buffer.from(text), Buffer.from(status), returned]);
  const kind = global ? 'global-' : '';
  const original8 = returned.some(byte => byte > 127);

  const top = lines(
    `From: Mail Delivery System <${oneLine(report.from)}>`,
    `To: <${oneLine(to)}>`,
    `Subject: ${SUBJECTS[action]}`,
    `Date: ${mailDate(now)}`,
    `Message-ID: <dsn.${seed}@${hostName}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;`,
    `\tboundary="${boundary}"`,
    '',
    'This is a delivery status notification in MIME format.',
    '',
  );
  const part = (type: string, eightBit: boolean) =>
    lines(`--${boundary}`, `Content-Type: ${type}`, `Content-Transfer-Encoding: ${eightBit ? '8bit' : '7bit'}`, '');
  const originalType = full ? (global ? 'message/global' : 'message/rfc822') : global ? 'message/global-headers' : 'text/rfc822-headers';
  return Buffer.concat([
    Buffer.from(top + part('text/plain; charset=utf-8', notAscii(text)) + text),
    Buffer.from(lines('') + part(`message/${kind}delivery-status`, notAscii(status)) + status),
    Buffer.from(lines('') + part(originalType, original8)),
    returned,
    Buffer.from(lines('', `--${boundary}--`)),
  ]);
}

const SUBJECTS: Readonly<Record<DsnAction, string>> = {
  failed: 'Undelivered mail returned to sender',
  delayed: 'Delayed mail: still being tried',
  relayed: 'Mail handed on: its delivery will not be confirmed',
};

/** What became of `whom`; the line before names when the message was sent. */
const NEWS: Readonly<Record<DsnAction, (whom: string) => readonly string[]>> = {
  failed: whom => ['could not be delivered', `to ${whom}, and no further attempt will be made:`],
  delayed: whom => ['has not been delivered yet', `to ${whom}. You need not send it again: it is still being tried.`],
  relayed: whom => ['was handed to the mail system', `of ${whom}, which does not report deliveries:`],
};

function explanation({ hostName, arrived, recipients, action = 'failed' }: DsnReport): string {
  const [said1 = '', said2 = ''] = NEWS[action](recipients.length === 1 ? 'this recipient' : `these ${recipients.length} recipients`);
  const said = recipients.flatMap(r => {
    const host = r.remoteMta === undefined ? 'The reply' : oneLine(r.remoteMta);
    return [
      `  <${oneLine(r.address)}>`,
      `    ${oneLine(r.reason)}`,
      ...(r.diagnostic === undefined ? [] : wrapped(`${host} said: ${oneLine(r.diagnostic)}`)),
      ...(r.found === undefined ? [] : wrapped(oneLine(r.found))),
      ...(r.lastAttempt === undefined ? [] : [`    ${action === 'relayed' ? 'Handed on' : 'Last attempt'}: ${mailDate(r.lastAttempt)}`]),
      ...(r.retryUntil === undefined ? [] : [`    It is tried until: ${mailDate(r.retryUntil)}`]),
      '',
    ];
  });
  return lines(
    `This is the mail system at ${hostName}.`,
    '',
    `The message you sent on ${mailDate(arrived)} ${said1}`,
    said2,
    '',
    ...said,
    `A report for machines and ${action === 'failed' ? 'your message or its header' : 'the header of your message'} follow.`,
  );
}

/** RFC 3464 §2.2 and §2.3: one block for the message, one for each recipient. */
function statusFields({ envelope, arrived, recipients, hostName, action = 'failed' }: DsnReport, global: boolean): string {
  const clean = (text: string) => (global ? oneLine(text) : oneLine(text).replace(/[^ -~]/g, '?'));
  const type = (address: string) => (notAscii(address) ? 'utf-8' : 'rfc822');
  const message = [
    `Reporting-MTA: dns; ${hostName}`,
    ...(envelope.envid === undefined ? [] : [`Original-Envelope-Id: ${clean(envelope.envid)}`]),
    `Arrival-Date: ${mailDate(arrived)}`,
  ];
  const blocks = recipients.map(r => [
    ...(r.orcpt === undefined ? [] : [`Original-Recipient: ${clean(r.orcpt).replace(/^([^;]*);\s*/, '$1; ')}`]),
    `Final-Recipient: ${type(r.address)}; ${clean(r.address)}`,
    `Action: ${action}`,
    `Status: ${statusOf(r.status, action)}`,
    ...(r.remoteMta === undefined ? [] : [`Remote-MTA: dns; ${clean(r.remoteMta)}`]),
    // RFC 3464 §2.1.2 and §2.3.6: the type smtp is for replies; words of our own have one that begins with X-.
    ...(r.diagnostic === undefined ? [] : [`Diagnostic-Code: smtp; ${clean(r.diagnostic)}`]),
    ...(r.found === undefined ? [] : [`Diagnostic-Code: X-Rampd; ${clean(r.found)}`]),
    ...(r.lastAttempt === undefined ? [] : [`Last-Attempt-Date: ${mailDate(r.lastAttempt)}`]),
    ...(r.retryUntil === undefined ? [] : [`Will-Retry-Until: ${mailDate(r.retryUntil)}`]),
  ]);
  return [message, ...blocks].map(block => lines(...block)).join('\r\n');
}

const CLASS: Readonly<Record<DsnAction, string>> = { failed: '[45]', delayed: '4', relayed: '2' };
const UNKNOWN: Readonly<Record<DsnAction, string>> = { failed: '5.0.0', delayed: '4.0.0', relayed: '2.0.0' };

/** The code given, when it is one and of a class that goes with the action. */
function statusOf(status: string, action: DsnAction): string {
  return new RegExp(`^${CLASS[action]}\\.\\d{1,3}\\.\\d{1,3}$`).test(status) ? status : UNKNOWN[action];
}

/** Up to and without the blank line, cut at a line end when it is very long. */
function headerOf(message: Buffer): Buffer {
  const blank = message.subarray(0, 2).toString() === '\r\n' ? 0 : message.indexOf('\r\n\r\n') + 2;
  const end = blank === 1 ? message.length : blank;
  if (end <= LONGEST_HEADER) return message.subarray(0, end);
  return message.subarray(0, message.lastIndexOf('\n', LONGEST_HEADER) + 1);
}

function freeBoundary(seed: string, parts: readonly Buffer[]): string {
  for (let n = 0; ; n++) {
    const boundary = `=_rampd_${seed.slice(0, 40)}_${n}`;
    if (!parts.some(part => part.includes(boundary))) return boundary;
  }
}

const lines = (...texts: readonly string[]) => texts.map(text => `${text}\r\n`).join('');
const oneLine = (text: string) => printable(text, 900);
const notAscii = (text: string) => /[^\r\n\t -~]/.test(text);

/** Folds at blanks to lines people can read, indented below the address. */
function wrapped(text: string): string[] {
  const out: string[] = [];
  for (const word of text.split(' ')) {
    const last = out.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 76) out[out.length - 1] = `${last} ${word}`;
    else out.push(`${out.length === 0 ? '    ' : '      '}${word}`);
  }
  return out;
}
