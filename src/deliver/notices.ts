/**
 * The notice of failure (RFC 3464) that goes to the sender of mail rampd gives up on. Pure: builds the message, sends nothing.
 *
 * Never answers a null sender or one of our own notices, and honours NOTIFY=NEVER (RFC 3461 §4.1).
 */
import { type Clock, wallOf } from '../kernel/clock.js';
import { type Envelope, type NewRecipient, printMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import { buildDsn } from '../outcome/dsn.js';
import type { Conclusion } from './conclude.js';
import type { DeliverQueue } from './ports.js';

export interface Notice {
  readonly envelope: Envelope;
  readonly recipients: readonly NewRecipient[];
  readonly content: Buffer;
}

export function notices(
  failures: readonly { row: QueuedRecipient; match: ReplyMatch; conclusion: Conclusion }[],
  mail: { envelope: Envelope; content: Buffer },
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
    content: mail.content,
    from: settings.dsn.from,
    hostName: settings.hostName,
    now: new Date(clock.wall()),
    arrived: new Date(wallOf(clock, envelope.accepted)),
    boundary: `${printMessageId(settings.node, first.row.message)}-${first.row.index}`,
    recipients: told.map(({ row, match, conclusion }) => ({
      address: row.state.address,
      ...(row.state.orcpt === undefined ? {} : { orcpt: row.state.orcpt }),
      reply: match.reply,
      class: conclusion.class,
      remoteMta: conclusion.state.last?.host ?? '',
      attempts: conclusion.state.attempts,
      ...(conclusion.state.last ? { lastAttempt: new Date(wallOf(clock, conclusion.state.last.at)) } : {}),
    })),
  });
  return {
    envelope: { sender: '', pool: settings.dsn.pool ?? queue.pool, warmUp: 'never', accepted: clock.now(), client: 'rampd', isDsn: true },
    recipients: [{ address: envelope.sender }],
    content,
  };
}
