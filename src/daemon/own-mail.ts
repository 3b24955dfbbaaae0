/**
 * Mail of our own, notices of failure and reports: signed like everybody's, then stored.
 *
 * It is never held back for want of a signature: what cannot be signed goes out without, and the log says so.
 */
import { inFront } from '../accept/signed.js';
import type { Signer } from '../accept/signer.js';
import type { DeliverStore } from '../deliver/ports.js';
import type { Envelope, MessageNumber, NewRecipient } from '../kernel/message.js';
import type { Store } from '../spool/store.js';
import type { Log } from './log.js';

export type OwnMail = (
  envelope: Envelope,
  recipients: readonly NewRecipient[],
  content: Buffer | readonly Buffer[],
) => Promise<MessageNumber>;

/** Resolves when the message is durable; rejects as the store does. */
export function ownMail(store: Pick<Store, 'accept'>, signer: Signer, log: Pick<Log, 'error'>): OwnMail {
  return async (envelope, recipients, content) => {
    const whole = Buffer.isBuffer(content) ? [content] : content;
    const fields = await signer.sign(envelope, whole).catch((error: Error) => {
      log.error({ error: error.message }, 'a message of our own is not signed');
      return [];
    });
    const signed = inFront(envelope, fields, whole);
    return store.accept(signed.envelope, recipients, signed.content);
  };
}

/** The store as delivery uses it: what it hands in are notices. */
export function deliverStore(store: Store, accept: OwnMail): DeliverStore {
  return {
    accept,
    mail: ref => store.mail(ref),
    settle: (changes, days, beside) => store.settle(changes, days, beside),
    queues: () => store.queues(),
    onHead: listener => store.onHead(listener),
  };
}
