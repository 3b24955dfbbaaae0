/**
 * An attempt's end as an accounting record: d, b or t. Pure.
 */
import type { AttemptRecord } from '../kernel/accounting.js';
import { printMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { Clock } from '../kernel/clock.js';
import type { Queue } from '../kernel/queue.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import { bounceCategory } from '../outcome/bounce-category.js';
import type { Conclusion } from './conclude.js';
import type { Mail } from './ports.js';

export interface Via {
  readonly lane: { readonly source: string; readonly provider: string };
  /** Of the receiver; '' when no connection was involved. */
  readonly address: string;
  readonly host: string;
  /** The extensions it offered; '' or absent when it was not asked. */
  readonly esmtp?: string;
  readonly uncertain: boolean;
}

/** RFC 3463 codes where the reply carries none. */
const STATUS: Readonly<Record<Conclusion['fate'], string>> = {
  delivered: '2.0.0',
  deferred: '4.0.0',
  bounced: '5.0.0',
  discarded: '5.0.0',
  expired: '4.4.7',
  suppressed: '5.7.1',
  deleted: '5.0.0',
};

export function accountingRecord(
  end: { readonly row: QueuedRecipient; readonly match: ReplyMatch; readonly conclusion: Conclusion },
  about: {
    readonly queue: Queue;
    readonly mail: Pick<Mail, 'envelope'>;
    readonly via: Via;
    readonly settings: Settings;
    readonly stage: number | undefined;
    readonly clock: Clock;
  },
): AttemptRecord {
  const { row, match, conclusion } = end;
  const { queue, mail, via, settings, stage, clock } = about;
  const { envelope } = mail;
  const source = settings.sources.get(via.lane.source);
  const type = conclusion.fate === 'delivered' ? 'd' : conclusion.fate === 'deferred' ? 't' : 'b';
  return {
    type,
    logged: clock.now(),
    queued: row.accepted,
    orig: row.sender,
    rcpt: row.state.address,
    status: match.reply.enhanced ?? STATUS[conclusion.fate],
    diag: match.reply.line,
    client: envelope.client,
    size: row.size,
    queue: `${queue.domain}@${queue.pool}`,
    pool: queue.pool,
    class: conclusion.class,
    ...(row.state.orcpt === undefined ? {} : { orcpt: row.state.orcpt }),
    ...(via.host === '' ? {} : { mta: via.host }),
    ...(type === 'd' ? {} : { category: bounceCategory(conclusion.class) }),
    ...(source === undefined ? {} : { sourceIp: source.address, source: source.name }),
    ...(via.address === '' ? {} : { destinationIp: via.address }),
    ...(via.esmtp ? { esmtp: via.esmtp } : {}),
    ...(envelope.isDsn ? { via: 'local' } : envelope.via ? { via: envelope.via } : {}),
    ...(envelope.job === undefined ? {} : { job: envelope.job }),
    ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
    ...(match.rule === undefined ? {} : { rule: `${match.rule.provider}/${match.rule.id}` }),
    ...(via.lane.provider === '' ? {} : { provider: via.lane.provider }),
    ...(stage === undefined ? {} : { stage }),
    ...(via.uncertain ? { uncertain: true } : {}),
    message: printMessageId(settings.node, row.message),
  };
}
