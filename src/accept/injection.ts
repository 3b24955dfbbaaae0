/**
 * A message that came another way than SMTP: its envelope and its bytes, judged by the same rules, taken by the same intake.
 */
import type { NewRecipient } from '../kernel/message.js';
import { printable } from '../kernel/text.js';
import { assertSound, Body, type Budget } from './body.js';
import { assertOpen, type Gate } from './gate.js';
import { assertRoom, take } from './intake.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { assertAddress, letIn } from './recipient.js';
import type { Submission, Taken } from './submission.js';

export interface Injection extends Omit<Submission, 'chunks' | 'bytes' | 'utf8' | 'eightBit' | 'via'> {
  /** Lines end in CRLF. */
  readonly content: Buffer;
}

/** Resolves when the store has promised. Throws SmtpRefusal, having told of it in an event. */
export async function inject(parts: AcceptParts, gate: Gate, budget: Budget, injection: Injection): Promise<Taken> {
  const { maxMessageSize, messageRules } = parts.settings();
  const body = new Body(budget, maxMessageSize, messageRules?.maxLineLength);
  try {
    assertOpen(gate);
    assertRoom(parts, parts.settings());
    const { content, ...rest } = injection;
    const envelope = envelopeOf(parts, injection);
    body.push(content);
    body.end();
    assertSound(body);
    const { chunks, bytes, eightBit } = body;
    return await take(parts, { ...rest, ...envelope, chunks, bytes, eightBit, via: 'api' });
  } catch (error) {
    if (error instanceof SmtpRefusal && parts.events.has('refused')) {
      parts.events.emit('refused', {
        client: injection.identity.name,
        address: injection.trace.address,
        at: 'http',
        code: error.responseCode,
        reply: printable(`${error.responseCode} ${error.message}`),
        sender: printable(injection.sender, 320),
        ...(injection.recipients.length === 1 ? { recipient: printable(injection.recipients[0]?.address ?? '', 320) } : {}),
      });
    }
    throw error;
  } finally {
    body.release();
  }
}

/** Whether SMTPUTF8 is needed follows from the addresses: here nobody says so. */
function envelopeOf(parts: AcceptParts, injection: Injection): { sender: string; recipients: NewRecipient[]; utf8: boolean } {
  const { maxRecipients } = parts.settings();
  if (injection.recipients.length > maxRecipients) throw new SmtpRefusal(550, '5.5.3', `More than ${maxRecipients} recipients`);
  const sender = injection.sender === '' ? '' : assertAddress(injection.sender, true, '5.1.7');
  const recipients = injection.recipients.map(one => ({
    ...one,
    address: letIn(parts, injection.identity, one.address, { sender, utf8: true }),
  }));
  const utf8 = [sender, ...recipients.map(one => one.address)].some(address => !/^[\x20-\x7e]*$/.test(address));
  return { sender, recipients, utf8 };
}
