/**
 * The notice of failure (RFC 3464) that goes to the sender of mail rampd gives up on. Pure: builds the message, sends nothing.
 *
 * Never answers a null sender or one of our own notices, and honours NOTIFY=NEVER (RFC 3461 §4.1).
 */
import { type Clock, wallOf } from '../kernel/clock.js';
import { type Envelope, type NewRecipient, printMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { OutcomeClass, ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import { buildDsn } from '../outcome/dsn.js';
import type { Conclusion } from './conclude.js';
import type { DeliverQueue, Mail } from './ports.js';

export interface Notice {
  readonly envelope: Envelope;
  readonly recipients: readonly NewRecipient[];
  readonly content: Buffer;
}

export function notices(
  failures: readonly { row: QueuedRecipient; match: ReplyMatch; conclusion: Conclusion }[],
  mail: Mail,
  queue: DeliverQueue,
  settings: Settings,
  clock: Clock,
): Notice | undefined {
  const { envelope } = mail;
  if (envelope.sender === '' || envelope.isDsn) return undefined;
  const told = failures.filter(f => !f.row.state.notify || f.row.state.notify.includes('FAILURE'));
  const first = told[0];
  if (!first) return undefined;
  const content = buildDsn({
    envelope,
    original: Buffer.concat(mail.content),
    from: settings.dsn.from,
    hostName: settings.hostName,
    now: clock.wall(),
    arrived: wallOf(clock, envelope.accepted),
    seed: `${printMessageId(settings.node, first.row.message)}.${first.row.index}`,
    recipients: told.map(({ row, match, conclusion }) => {
      const last = conclusion.state.last;
      return {
        address: row.state.address,
        ...(row.state.orcpt === undefined ? {} : { orcpt: row.state.orcpt }),
        status: conclusion.fate === 'expired' ? '4.4.7' : (match.reply.enhanced ?? '5.0.0'),
        ...(match.reply.line === '' ? {} : match.reply.code === 0 ? { found: match.reply.text } : { diagnostic: match.reply.line }),
        ...(last && last.host !== '' ? { remoteMta: last.host } : {}),
        ...(last ? { lastAttempt: wallOf(clock, last.at) } : {}),
        reason: reasonFor(conclusion),
      };
    }),
  });
  const addresses = [envelope.sender, ...told.map(({ row }) => row.state.address)];
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
    recipients: [{ address: envelope.sender }],
    content,
  };
}

const notAscii = (text: string): boolean => /[\u0080-\uffff]/.test(text);

const SENTENCES: Readonly<Partial<Record<OutcomeClass, string>>> = {
  'mailbox.unknown': 'The address does not exist at the receiving system.',
  'mailbox.inactive': 'The mailbox is no longer in use.',
  'mailbox.full': 'The mailbox is full.',
  'policy.recipient': "The recipient's organisation does not accept this message.",
  content: 'The receiving system refused the content of the message.',
  message: 'The receiving system refused the message itself, its size or its form.',
  auth: 'The receiving system could not verify that the message is from the domain it names.',
  'sender.invalid': 'The receiving system does not accept the sender address.',
  dns: 'The domain does not exist, or accepts no mail.',
  suppressed: 'The address is on the list of those that get no more mail from here.',
  tls: 'The receiving system could not be reached over an encrypted connection, as is required.',
};

function reasonFor(conclusion: Conclusion): string {
  if (conclusion.fate === 'expired') {
    return `It could not be delivered in the time it had, after ${conclusion.state.attempts} attempts; the message is given up.`;
  }
  return SENTENCES[conclusion.class] ?? 'The receiving system refused the message for good.';
}
