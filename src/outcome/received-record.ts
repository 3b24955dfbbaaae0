/**
 * A message that was answered 250 as accounting records: r, one for each recipient. Pure.
 */
import type { ReceivedRecord } from '../kernel/accounting.js';
import { domainOf, type Envelope, type NewRecipient } from '../kernel/message.js';

/** `message` as printMessageId prints it; `size` in bytes. */
export function receivedRecords(message: string, envelope: Envelope, recipients: readonly NewRecipient[], size: number): ReceivedRecord[] {
  const { accepted, sender, client, via, job, envid, pool } = envelope;
  return recipients.map(({ address, orcpt }) => ({
    type: 'r',
    logged: accepted,
    orig: sender,
    rcpt: address,
    ...(orcpt === undefined ? {} : { orcpt }),
    client,
    ...(via === undefined ? {} : { via }),
    size,
    ...(job === undefined ? {} : { job }),
    ...(envid === undefined ? {} : { envid }),
    queue: `${domainOf(address)}@${pool}`,
    pool,
    message,
  }));
}
