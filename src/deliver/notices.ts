/**
 * Notices to the sender (RFC 3461 §5, RFC 3464): mail that is given up, that is late, that was handed to a host which will not
 * tell more. Pure: builds messages, sends nothing.
 *
 * Each recipient's NOTIFY decides; without one failures and delays are told, as RFC 3461 §4.1 has it. Never answers a null
 * sender or one of our own notices, whoever it is that would be told.
 */
import { type Clock, wallOf } from '../kernel/clock.js';
import { type Envelope, type NewRecipient, printMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import type { OutcomeClass, ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import type { Instant } from '../kernel/units.js';
import { buildDsn, type DsnAction, type DsnRecipient } from '../outcome/dsn.js';
import type { Conclusion, Fate } from './conclude.js';
import type { Mail } from './ports.js';

export interface Notice {
  readonly envelope: Envelope;
  readonly recipients: readonly NewRecipient[];
  readonly content: Buffer;
}

/** What a notice is about: how a recipient's attempt ended. */
export interface Ended {
  readonly row: QueuedRecipient;
  readonly match: ReplyMatch;
  readonly conclusion: Conclusion;
  /** For delays: until when it is tried. */
  readonly retryUntil?: Instant;
}

/** The words of NOTIFY that ask for it, and whether it is told when there are none. */
const ASKED: Readonly<Record<DsnAction, { readonly word: string; readonly unasked: boolean }>> = {
  failed: { word: 'FAILURE', unasked: true },
  delayed: { word: 'DELAY', unasked: true },
  relayed: { word: 'SUCCESS', unasked: false },
};

export function wants(action: DsnAction, notify: readonly string[] | undefined): boolean {
  const { word, unasked } = ASKED[action];
  return notify ? notify.includes(word) : unasked;
}

/** Is anybody told of mail with this envelope? */
const answerable = (envelope: Envelope): boolean => envelope.sender !== '' && !envelope.isDsn && envelope.notices !== 'none';

/** undefined: nobody is to be told. */
export function noticeOf(
  action: DsnAction,
  ends: readonly Ended[],
  mail: Mail,
  queue: Queue,
  settings: Settings,
  clock: Clock,
): Notice | undefined {
  const { envelope } = mail;
  if (!answerable(envelope)) return undefined;
  const told = ends.filter(end => wants(action, end.row.state.notify));
  const first = told[0];
  if (!first) return undefined;
  const to = envelope.notices === 'postmaster' ? (settings.dsn.postmaster ?? `postmaster@${settings.hostName}`) : envelope.sender;
  const content = buildDsn({
    action,
    to,
    envelope,
    original: Buffer.concat(mail.content),
    from: settings.dsn.from,
    hostName: settings.hostName,
    now: clock.wall(),
    arrived: wallOf(clock, envelope.accepted),
    seed: `${printMessageId(settings.node, first.row.message)}.${first.row.index}${action === 'failed' ? '' : `.${action}.${first.conclusion.state.told ?? 0}`}`,
    recipients: told.map(end => described(end, action, clock)),
  });
  const addresses = [to, ...told.map(({ row }) => row.state.address)];
  return {
    envelope: {
      sender: '',
      pool: settings.dsn.pool ?? queue.pool,
      warmUp: 'never',
      accepted: clock.now(),
      client: 'rampd',
      isDsn: true,
      ...(addresses.some(notAscii) ? { utf8: true } : {}),
      ...(content.some(byte => byte > 127) ? { eightBit: true } : {}),
    },
    recipients: [{ address: to }],
    content,
  };
}

function described({ row, match, conclusion, retryUntil }: Ended, action: DsnAction, clock: Clock): DsnRecipient {
  const { last } = conclusion.state;
  const { reply } = match;
  return {
    address: row.state.address,
    ...(row.state.orcpt === undefined ? {} : { orcpt: row.state.orcpt }),
    status: statusOf(action, conclusion.fate, reply.enhanced),
    ...(reply.line === '' ? {} : reply.code === 0 ? { found: reply.text } : { diagnostic: reply.line }),
    ...(last && last.host !== '' ? { remoteMta: last.host } : {}),
    ...(last ? { lastAttempt: wallOf(clock, last.at) } : {}),
    ...(retryUntil === undefined ? {} : { retryUntil: wallOf(clock, retryUntil) }),
    reason: reasonFor(action, conclusion),
  };
}

/** RFC 3463 §3.5 for what ran out of time; X.1.9 is "message relayed to non-compliant mailer" (RFC 3886 §3.3.4). */
function statusOf(action: DsnAction, fate: Fate, enhanced: string | undefined): string {
  if (action === 'relayed') return '2.1.9';
  return fate === 'expired' ? '4.4.7' : (enhanced ?? '');
}

const notAscii = (text: string): boolean => /[\u0080-\uffff]/.test(text);

const SENTENCES: Readonly<Partial<Record<OutcomeClass, string>>> = {
  'mailbox.unknown': 'The address does not exist at the receiving system.',
  'mailbox.inactive': 'The mailbox is no longer in use.',
  'mailbox.full': 'The mailbox is full.',
  'policy.recipient': "The recipient's organisation does not accept this message.",
  content: 'The receiving system refused the content of the message.',
  message: 'The receiving system does not take the message, its size or its form.',
  auth: 'The receiving system could not verify that the message is from the domain it names.',
  'sender.invalid': 'The receiving system does not accept the sender address.',
  dns: 'The domain does not exist, or accepts no mail.',
  tls: 'The receiving system could not be reached over an encrypted connection, as is required.',
  suppressed: 'The address is on the list of those that get no more mail from here.',
};

function reasonFor(action: DsnAction, conclusion: Conclusion): string {
  if (action === 'relayed') return 'The receiving system took the message. It does not tell whether it was delivered.';
  if (action === 'delayed') return 'The receiving system could not be reached, or has not taken the message yet.';
  if (conclusion.fate === 'expired') {
    return `It could not be delivered in the time it had, after ${conclusion.state.attempts} attempts; the message is given up.`;
  }
  if (conclusion.fate === 'deleted') return 'It was deleted by the operator of the sending system.';
  return SENTENCES[conclusion.class] ?? 'The receiving system refused the message for good.';
}
