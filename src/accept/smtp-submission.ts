/**
 * What a session of smtp-server collected, as a Submission.
 *
 * Copies everything: the library starts a new envelope once its callback is answered.
 */
import type { SMTPServerSession } from 'smtp-server';
import type { NewRecipient } from '../kernel/message.js';
import { canonicalAddress } from './address.js';
import { assertSound, type Body } from './body.js';
import type { Identity } from './identity.js';
import type { Submission } from './submission.js';

/** Throws SmtpRefusal when the body is not fit to be kept. */
export function smtpSubmission(identity: Identity, session: SMTPServerSession, body: Body): Submission {
  const recipients = recipientsOf(session);
  assertSound(body);
  const { dsn, smtpUtf8, bodyType } = session.envelope;
  return {
    identity,
    sender: senderOf(session),
    recipients,
    ...(dsn?.envid ? { envid: dsn.envid } : {}),
    ...(dsn?.ret === 'FULL' || dsn?.ret === 'HDRS' ? { ret: dsn.ret } : {}),
    utf8: smtpUtf8 === true,
    eightBit: bodyType === '8bitmime' || body.eightBit,
    chunks: body.chunks,
    bytes: body.bytes,
    trace: { helo: session.hostNameAppearsAs, address: session.remoteAddress, protocol: protocolOf(session) },
    unique: `${session.id}.${session.transaction}`,
  };
}

/** The protocol keywords of RFC 3848 and RFC 6531 §4.3. */
export function protocolOf(
  session: Pick<SMTPServerSession, 'openingCommand' | 'secure' | 'user'> & { envelope: { smtpUtf8?: boolean | undefined } },
): string {
  if (session.openingCommand !== 'EHLO') return 'SMTP';
  const authenticated = session.user != null && session.user !== false;
  return (session.envelope.smtpUtf8 ? 'UTF8SMTP' : 'ESMTP') + (session.secure ? 'S' : '') + (authenticated ? 'A' : '');
}

/** MAIL FROM let only sound addresses in. */
export function senderOf({ envelope: { mailFrom } }: SMTPServerSession): string {
  const sender = mailFrom && mailFrom.address !== '' ? canonicalAddress(mailFrom.address) : undefined;
  return sender?.ok ? sender.address : '';
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
      // RFC 3461 §4.1 has each word once; a row of the spool has no place for hundreds.
      ...(dsn?.notify ? { notify: [...new Set(dsn.notify)] } : {}),
    });
  }
  return recipients;
}
