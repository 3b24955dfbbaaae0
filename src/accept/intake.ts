/**
 * One message from its last byte to our promise, whatever door it came through: judged, given its trace header, stored, and
 * only then acknowledged.
 *
 * It promises nothing the store did not promise first, and never tells a client "no" about a message it kept. No DNS, no
 * look inside the body.
 */
import { printMessageId, type Envelope, type MessageNumber } from '../kernel/message.js';
import { MESSAGE_RULES, type MessageRules } from '../kernel/message-rules.js';
import { PRIORITIES, type Pool, type Priority, type Settings, type WarmUpWish } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { mailDate } from '../outcome/mail-date.js';
import { joinedFront } from './body.js';
import { headerWatch, rewritten, scanHeader, type Header, type HeaderWatch } from './header.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { receivedField } from './received.js';
import { signed } from './signed.js';
import { taken, type Submission, type Taken } from './submission.js';

/** Postfix's hopcount_limit is 50, RFC 5321 §6.3 asks for at least 100. */
const MOST_HOPS = 100;
/** RFC 3461 §4.4: at most 100 characters, each of them ASCII that prints. */
export const ENVID = /^[\x20-\x7e]{1,100}$/;
const isPriority = (text: string): text is Priority => (PRIORITIES as readonly string[]).includes(text);
const WISHES: ReadonlySet<string> = new Set<WarmUpWish>(['prefer', 'allow', 'never']);

/** 452 when the disk is full or too much is waiting already. */
export function assertRoom(parts: AcceptParts, settings: Settings): void {
  assertDisk(parts);
  if (parts.store.waiting() >= settings.maxBacklog) throw new SmtpRefusal(452, '4.3.1', 'Too many messages waiting, try again later');
}

/** 452 when the disk is full. */
export function assertDisk({ store }: AcceptParts): void {
  if (store.room() === 'full') throw new SmtpRefusal(452, '4.3.1', 'Insufficient storage, try again later');
}

/** Stores the message. Throws SmtpRefusal when it is not to be kept. */
export async function take(parts: AcceptParts, submission: Submission): Promise<Taken> {
  const settings = parts.settings();
  const rules = settings.messageRules ?? MESSAGE_RULES;
  const watch = watchOf(settings, rules);
  const { block, rest } = joinedFront(submission.chunks, rules.maxHeaderSize, front => scanHeader(front, watch).complete);
  const header = scanHeader(block, watch);
  assertHeader(rules, header, submission);
  assertRoom(parts, settings);
  const unsigned = envelopeOf(parts, settings, submission, header);
  const date = mailDate(parts.clock.wall());
  const whole = rewritten(missingFields(parts, settings, submission, header, date), block, header, rest);
  const { envelope, content } = await signed(parts, unsigned, submission.identity.client, whole);
  try {
    const whole = (number: MessageNumber): Buffer[] => [
      Buffer.from(trace(submission, settings, printMessageId(parts.node, number), date)),
      ...content,
    ];
    const number = await parts.store.accept(envelope, submission.recipients, whole, submission.receipt);
    if (parts.events.has('accepted')) {
      const { recipients, bytes } = submission;
      parts.events.emit('accepted', { message: number, sender: envelope.sender, recipients: recipients.length, bytes });
    }
    return taken(parts.node, number);
  } catch (error) {
    parts.log.error({ err: error, client: submission.identity.name }, 'a message could not be stored and was answered 4xx');
    assertRoom(parts, settings);
    throw new SmtpRefusal(451, '4.3.0', 'The message could not be stored, try again later');
  }
}

const watches = new WeakMap<Settings, HeaderWatch>();

function watchOf(settings: Settings, rules: MessageRules): HeaderWatch {
  let watch = watches.get(settings);
  if (!watch) watches.set(settings, (watch = headerWatch(rules, settings.hostName)));
  return watch;
}

function assertHeader(rules: MessageRules, header: Header, { recipients, bytes }: Submission): void {
  if (header.end > rules.maxHeaderSize || (!header.complete && bytes > rules.maxHeaderSize)) {
    throw new SmtpRefusal(552, '5.3.4', `Header exceeds ${rules.maxHeaderSize} bytes`);
  }
  if (header.received > MOST_HOPS) throw new SmtpRefusal(554, '5.4.6', 'Too many hops: the message is looping');
  const { maxLoopCount } = rules;
  if (header.passedHere > maxLoopCount) {
    throw new SmtpRefusal(554, '5.4.6', `The message is looping: it passed through here ${header.passedHere} times already`);
  }
  if (header.deliveredTo.length <= maxLoopCount) return;
  for (const { address } of recipients) {
    const wanted = address.toLowerCase();
    const times = header.deliveredTo.filter(one => one === wanted).length;
    if (times > maxLoopCount) {
      throw new SmtpRefusal(554, '5.4.6', `The message is looping: it was delivered to <${address}> ${times} times already`);
    }
  }
}

function envelopeOf(parts: AcceptParts, settings: Settings, submission: Submission, header: Header): Envelope {
  const { identity, wishes, ret } = submission;
  const { client } = identity;
  const own = client.allowHeaders ? header.own : {};
  const pool = poolOf(settings, client.pool, own, wishes?.pool);
  const wish = wishes?.warmUp ?? own['x-warm-up']?.toLowerCase();
  if (wish !== undefined && !WISHES.has(wish)) throw new SmtpRefusal(550, '5.6.0', 'X-Warm-Up is prefer, allow or never');
  // What the protocol said is stronger than what the message says.
  const envid = submission.envid ?? own['x-envid'];
  if (envid !== undefined && !ENVID.test(envid)) throw new SmtpRefusal(550, '5.6.0', 'X-Envid is 1 to 100 printable ASCII characters');
  const priority = wishes?.priority ?? own['x-queue-priority']?.toLowerCase() ?? client.priority ?? pool.priority ?? 'normal';
  if (!isPriority(priority)) throw new SmtpRefusal(550, '5.6.0', 'X-Queue-Priority is high, normal or low');
  const job = printable(wishes?.job ?? own['x-job'] ?? '', 200) || identity.user;
  return {
    sender: submission.sender,
    pool: pool.name,
    warmUp: (wish as WarmUpWish | undefined) ?? client.warmUp ?? pool.warmUp,
    accepted: parts.clock.now(),
    client: identity.name,
    ...(job ? { job } : {}),
    ...(priority === 'normal' ? {} : { priority }),
    ...(client.notices === undefined || client.notices === 'sender' ? {} : { notices: client.notices }),
    ...(envid !== undefined ? { envid } : {}),
    ...(ret !== undefined ? { ret } : {}),
    ...(submission.utf8 ? { utf8: true } : {}),
    ...(submission.eightBit ? { eightBit: true } : {}),
    ...(submission.via ? { via: submission.via } : {}),
  };
}

/** The pool a message is bound to; a source's name stands for a pool of that source alone. */
function poolOf(settings: Settings, clients: string, own: Header['own'], wished: string | undefined): Pool {
  const name = wished ?? own['x-pool'] ?? own['x-virtual-mta'] ?? clients;
  const pool = settings.pools.get(name);
  if (pool) return pool;
  const namers: readonly (readonly [string, string | undefined])[] = [
    ['the message', wished],
    ['X-Pool', own['x-pool']],
    ['X-Virtual-MTA', own['x-virtual-mta']],
    ['the client', clients],
  ];
  const named = namers.find(([, one]) => one !== undefined)?.[0];
  throw new SmtpRefusal(550, '5.7.1', `No pool is called "${name}" (named by ${named})`);
}

/** Message-ID and Date where they are missing (RFC 6409 §8.2, §8.3). */
function missingFields(parts: AcceptParts, settings: Settings, { unique }: Submission, header: Header, date: string): string {
  let fields = '';
  if (!header.hasMessageId) fields += `Message-ID: <${unique}.${parts.clock.wall().toString(36)}@${settings.hostName}>\r\n`;
  if (!header.hasDate) fields += `Date: ${date}\r\n`;
  return fields;
}

/** The Received field. It names the message as our replies and logs do, and so is made when its number is known. */
function trace({ trace: { helo, address, protocol }, recipients }: Submission, settings: Settings, id: string, date: string): string {
  const only = recipients.length === 1 ? recipients[0]?.address : undefined;
  return receivedField({
    helo,
    address,
    by: settings.hostName,
    protocol,
    id,
    date,
    ...(only !== undefined ? { recipient: only } : {}),
  });
}
