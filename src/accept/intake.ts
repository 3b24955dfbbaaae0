/**
 * One message from its last byte to our promise: judged, given its trace header, stored, and only then answered 250.
 *
 * It promises nothing the store did not promise first, and never tells a client "no" about a message it kept. No DNS, no
 * look inside the body.
 */
import type { SMTPServerSession } from 'smtp-server';
import { printMessageId, type Envelope, type NewRecipient } from '../kernel/message.js';
import type { Settings, WarmUpWish } from '../kernel/settings.js';
import { mailDate } from '../outcome/mail-date.js';
import { canonicalAddress } from './address.js';
import { joinedFront, type Body } from './body.js';
import { receivedField, rewritten, scanHeader, type Header } from './header.js';
import type { Identity } from './identity.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';

/** Postfix's hopcount_limit is 50, RFC 5321 §6.3 asks for at least 100. */
const MOST_HOPS = 100;
const LONGEST_HEADER = 256 * 1024;
const WISHES: ReadonlySet<string> = new Set<WarmUpWish>(['prefer', 'allow', 'never']);

/** 452 when the disk is full or too much is waiting already. */
export function assertRoom(parts: AcceptParts, settings: Settings): void {
  if (parts.store.room() === 'full') throw new SmtpRefusal(452, '4.3.1', 'Insufficient storage, try again later');
  if (parts.store.waiting() >= settings.maxBacklog) throw new SmtpRefusal(452, '4.3.1', 'Too many messages waiting, try again later');
}

/** Stores the message and returns the text of the 250. Throws SmtpRefusal when it is not to be kept. */
export async function take(parts: AcceptParts, identity: Identity, session: SMTPServerSession, body: Body): Promise<string> {
  const settings = parts.settings();
  // The library starts a new envelope once we answer: everything needed of it is copied here.
  const recipients = recipientsOf(session);
  assertSound(body);
  const { block, rest } = joinedFront(body.chunks, LONGEST_HEADER, front => scanHeader(front).complete);
  const header = scanHeader(block);
  assertHeader(header, rest);
  assertRoom(parts, settings);
  const envelope = envelopeOf(parts, settings, identity, session, header, body);
  const prefix = prefixOf(parts, settings, session, header, envelope, recipients);
  const content = rewritten(prefix, block, header, rest);
  const bytes = body.bytes;
  try {
    const number = await parts.store.accept(envelope, recipients, content);
    if (parts.events.has('accepted')) {
      parts.events.emit('accepted', { message: number, sender: envelope.sender, recipients: recipients.length, bytes });
    }
    return `2.0.0 Ok: queued as ${printMessageId(parts.node, number)}`;
  } catch (error) {
    parts.log.error({ err: error, client: identity.name }, 'a message could not be stored and was answered 4xx');
    assertRoom(parts, settings);
    throw new SmtpRefusal(451, '4.3.0', 'The message could not be stored, try again later');
  }
}

function assertSound(body: Body): void {
  if (body.spoilt === 'size') throw new SmtpRefusal(552, '5.3.4', 'Message exceeds the size limit');
  if (body.spoilt === 'memory') throw new SmtpRefusal(452, '4.3.1', 'Too much mail is arriving at once, try again later');
  if (body.spoilt === 'line-ends') throw new SmtpRefusal(550, '5.6.0', 'Bare CR or LF in the message: lines must end in CRLF');
}

function assertHeader(header: Header, rest: readonly Buffer[]): void {
  if (!header.complete && rest.length > 0) throw new SmtpRefusal(552, '5.3.4', `Header exceeds ${LONGEST_HEADER} bytes`);
  if (header.received > MOST_HOPS) throw new SmtpRefusal(554, '5.4.6', 'Too many hops: the message is looping');
}

function envelopeOf(
  parts: AcceptParts,
  settings: Settings,
  { client, name, user }: Identity,
  session: SMTPServerSession,
  header: Header,
  body: Body,
): Envelope {
  const own = client.allowHeaders ? header.own : {};
  const poolName = own['x-pool'] ?? own['x-virtual-mta'] ?? client.pool;
  const pool = settings.pools.get(poolName);
  if (!pool) {
    const field = own['x-pool'] !== undefined ? 'X-Pool' : own['x-virtual-mta'] !== undefined ? 'X-Virtual-MTA' : 'the client';
    throw new SmtpRefusal(550, '5.7.1', `No pool is called "${poolName}" (named by ${field})`);
  }
  const wish = own['x-warm-up']?.toLowerCase();
  if (wish !== undefined && !WISHES.has(wish)) throw new SmtpRefusal(550, '5.6.0', 'X-Warm-Up is prefer, allow or never');
  const { mailFrom, dsn, smtpUtf8, bodyType } = session.envelope;
  const sender = mailFrom && mailFrom.address !== '' ? canonicalAddress(mailFrom.address) : undefined;
  const job = own['x-job'] || user;
  return {
    sender: sender?.ok ? sender.address : '',
    pool: pool.name,
    warmUp: (wish as WarmUpWish | undefined) ?? client.warmUp ?? pool.warmUp,
    accepted: parts.clock.now(),
    client: name,
    ...(job ? { job } : {}),
    ...(dsn?.envid ? { envid: dsn.envid } : {}),
    ...(dsn?.ret === 'FULL' || dsn?.ret === 'HDRS' ? { ret: dsn.ret } : {}),
    ...(smtpUtf8 ? { utf8: true } : {}),
    ...(bodyType === '8bitmime' || body.eightBit ? { eightBit: true } : {}),
  };
}

/** RCPT TO let only sound addresses in. */
function recipientsOf(session: SMTPServerSession): NewRecipient[] {
  const recipients: NewRecipient[] = [];
  for (const { address, dsn } of session.envelope.rcptTo) {
    const canonical = canonicalAddress(address);
    if (!canonical.ok) throw new Error(`a recipient that RCPT TO refused is in the envelope: ${canonical.why}`);
    recipients.push({
      address: canonical.address,
      ...(dsn?.orcpt ? { orcpt: dsn.orcpt } : {}),
      ...(dsn?.notify ? { notify: dsn.notify } : {}),
    });
  }
  return recipients;
}

/** Received, and Message-ID and Date where they are missing (RFC 6409 §8.2, §8.3). */
function prefixOf(
  parts: AcceptParts,
  settings: Settings,
  session: SMTPServerSession,
  header: Header,
  envelope: Envelope,
  recipients: readonly NewRecipient[],
): string {
  const date = mailDate(parts.clock.wall());
  const id = `${session.id}.${session.transaction}`;
  const only = recipients.length === 1 ? recipients[0]?.address : undefined;
  let prefix = receivedField({
    helo: session.hostNameAppearsAs,
    address: session.remoteAddress,
    by: settings.hostName,
    extended: session.openingCommand === 'EHLO',
    secure: session.secure,
    authenticated: session.user != null && session.user !== false,
    utf8: envelope.utf8 === true,
    id,
    date,
    ...(only !== undefined ? { recipient: only } : {}),
  });
  if (!header.hasMessageId) prefix += `Message-ID: <${id}.${parts.clock.wall().toString(36)}@${settings.hostName}>\r\n`;
  if (!header.hasDate) prefix += `Date: ${date}\r\n`;
  return prefix;
}
