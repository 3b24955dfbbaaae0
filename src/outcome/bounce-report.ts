/**
 * Bounces that come back by mail: an RFC 3464 report, or text for people that quotes a reply.
 *
 * Says what a report tells of its one recipient (a reverse path with a token has no other), as a reply that the classifier
 * takes. A text without a permanent SMTP reply in it is no bounce: automatic answers go to reverse paths too, and have the
 * numbers of houses and telephones in them. Pure, never throws.
 */
import type { RemoteRecord } from '../kernel/accounting.js';
import type { Reply } from '../kernel/reply.js';
import { printable } from '../kernel/text.js';
import { everyPart, fieldBlocks, fieldOf, peopleText, type Part } from './mime-read.js';
import { networkReply, parseReply } from './reply.js';

export interface BounceReport {
  readonly action: RemoteRecord['action'];
  /** RFC 3463 code, when the report has one. */
  readonly status?: string;
  readonly reply: Reply;
  /** Who refused it, and who says so. */
  readonly remoteMta?: string;
  readonly reportingMta?: string;
}

const ACTIONS: readonly RemoteRecord['action'][] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'];
const STATUS = /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;
const LONGEST_TEXT = 20_000;

/** `recipient`: whom the mail was for, to find its block among others. undefined: it is no report, or tells nothing. */
export function readBounce(mail: Part, recipient: string): BounceReport | undefined {
  return reported(mail, recipient) ?? quoted(mail);
}

function reported(mail: Part, recipient: string): BounceReport | undefined {
  const part = [...everyPart(mail)].find(p => p.type === 'message/delivery-status' || p.type === 'message/global-delivery-status');
  if (!part) return undefined;
  const blocks = fieldBlocks(part.text).map(fields => ({ fields }));
  const recipients = blocks.filter(block => fieldOf(block, 'action') !== undefined || fieldOf(block, 'status') !== undefined);
  const named = (block: { fields: Part['fields'] }): boolean =>
    [fieldOf(block, 'original-recipient'), fieldOf(block, 'final-recipient')].some(
      value => value !== undefined && typed(value).toLowerCase().replace(/^<|>$/g, '') === recipient.toLowerCase(),
    );
  const block = recipients.find(named) ?? recipients[0];
  if (!block) return undefined;
  const status = STATUS.exec(fieldOf(block, 'status') ?? '')?.[1];
  const said = fieldOf(block, 'action')?.trim().toLowerCase().split(/\s/)[0];
  const action = ACTIONS.find(a => a === said) ?? (status?.startsWith('5') ? 'failed' : undefined);
  if (action === undefined) return undefined;
  const diagnostic = fieldOf(block, 'diagnostic-code');
  return {
    action,
    ...(status === undefined ? {} : { status }),
    reply: replyOf(diagnostic, status, action),
    ...host('remoteMta', fieldOf(block, 'remote-mta')),
    ...host(
      'reportingMta',
      blocks.map(b => fieldOf(b, 'reporting-mta')).find(v => v !== undefined),
    ),
  };
}

/** The reply that the receiver gave, or what its status code says. */
function replyOf(diagnostic: string | undefined, status: string | undefined, action: RemoteRecord['action']): Reply {
  const text = diagnostic === undefined ? '' : printable(typed(diagnostic), 1_000);
  const parsed = parseReply(text);
  if (parsed.code !== 0)
    return parsed.enhanced === undefined && status !== undefined ? parseReply(`${parsed.code} ${status} ${parsed.text}`) : parsed;
  if (status === undefined) return action === 'failed' ? parseReply(`550 ${text}`) : networkReply(text);
  return parseReply(`${status.startsWith('5') ? 550 : status.startsWith('4') ? 450 : 250} ${status} ${text}`);
}

/** A reply such as `550 5.1.1 <a@b.example>: no such user` in a text for people; `(#5.1.1)` at the end of a line is qmail's. */
const CODED = /(?:^|[\s:("'>])(5[0-5]\d[ -]#?5\.\d{1,3}\.\d{1,3}\b[^\n]*)/m;
const AT_THE_END = /^([^\n]*\(#5\.\d{1,3}\.\d{1,3}\)[^\n]*)$/m;
/** Without an enhanced code a reply looks like a street or a telephone: a mail system must have written it, not a person. */
const BARE = /(?:^|[\s:("'>])(5[0-5]\d[ -][^\n]*)/m;
const MAIL_SYSTEM = /(?:^|[<"\s])(?:mailer-?daemon|mail-?daemon|postmaster|mail delivery)\b|<>/i;

function quoted(mail: Part): BounceReport | undefined {
  const part = [...everyPart(mail)].find(p => p.type === 'text/plain' && p.text.trim() !== '');
  if (!part) return undefined;
  const text = peopleText(part).slice(0, LONGEST_TEXT).replaceAll('\r', '');
  const bare = MAIL_SYSTEM.test(fieldOf(mail, 'from') ?? '<>') ? BARE.exec(text)?.[1] : undefined;
  const line = (CODED.exec(text)?.[1] ?? bare)?.replace(/^(\d{3})[ -]#?/, '$1 ');
  const reply =
    line !== undefined ? parseReply(line) : AT_THE_END.test(text) ? parseReply(`550 ${AT_THE_END.exec(text)?.[1] ?? ''}`) : undefined;
  if (!reply || reply.code < 500) return undefined;
  const status = reply.enhanced ?? STATUS.exec(reply.text)?.[1];
  return { action: 'failed', ...(status === undefined ? {} : { status }), reply };
}

/** `smtp; 550 no` and `rfc822; a@b.example`: what stands behind the type. */
const typed = (value: string): string => value.replace(/^[a-z0-9-]+\s*;\s*/i, '').trim();

const host = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> =>
  value === undefined ? {} : ({ [key]: printable(typed(value), 200) } as Record<K, string>);
