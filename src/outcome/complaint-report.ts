/**
 * Complaints of feedback loops: ARF reports (RFC 5965), and the plain attachments some loops send.
 *
 * What a report says of itself is told on and never trusted. What it is about is named by the reverse path of the mail it
 * returns, in `where`: Original-Mail-From (RFC 5965 §3.2), then the header of the returned message (Return-Path, and what
 * receivers note of the envelope). Pure, never throws.
 */
import { printable } from '../kernel/text.js';
import { everyPart, fieldBlocks, fieldOf, readFields, type Part } from './mime-read.js';

export interface ComplaintReport {
  /** arf, or attached: no report, the message alone. */
  readonly format: 'arf' | 'attached';
  /** abuse, fraud, virus, not-spam, other … ; abuse where none is said. */
  readonly feedbackType: string;
  readonly userAgent?: string;
  readonly reportingMta?: string;
  readonly reportedDomain?: string;
  readonly reportedIp?: string;
  /** Text in which a token may stand, the best first. */
  readonly where: readonly string[];
}

/** A person's "this is spam" (RFC 5965 §7.3); the other types say something else. */
export const COMPLAINTS: ReadonlySet<string> = new Set(['abuse', 'fraud', 'virus']);

const RETURNED: ReadonlySet<string> = new Set([
  'message/rfc822',
  'text/rfc822-headers',
  'message/rfc822-headers',
  'message/global',
  'message/global-headers',
]);

/** undefined: it returns no message. */
export function readComplaint(mail: Part): ComplaintReport | undefined {
  const parts = [...everyPart(mail)];
  const returned = parts.filter(part => RETURNED.has(part.type)).map(part => headerText(part.text));
  if (returned.length === 0) return undefined;
  const report = parts.find(part => part.type === 'message/feedback-report');
  const fields = { fields: report ? (fieldBlocks(report.text)[0] ?? []) : [] };
  const said = (name: string, key: 'userAgent' | 'reportingMta' | 'reportedDomain' | 'reportedIp') => {
    const value = fieldOf(fields, name);
    return value === undefined ? {} : { [key]: printable(value, 200) };
  };
  return {
    format: report ? 'arf' : 'attached',
    feedbackType: printable(fieldOf(fields, 'feedback-type') ?? 'abuse', 40).toLowerCase(),
    ...said('user-agent', 'userAgent'),
    ...said('reporting-mta', 'reportingMta'),
    ...said('reported-domain', 'reportedDomain'),
    ...said('source-ip', 'reportedIp'),
    where: [fieldOf(fields, 'original-mail-from') ?? '', ...returned].filter(text => text !== ''),
  };
}

/** The header fields of a returned message, those that a body would bring left out. */
function headerText(message: string): string {
  const end = /\r?\n\r?\n/.exec(message)?.index ?? message.length;
  return readFields(message.slice(0, end))
    .map(([, value]) => value)
    .join('\n');
}
