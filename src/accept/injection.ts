/**
 * A message that came another way than SMTP: its envelope and its bytes, judged by the same rules, taken by the same intake.
 * It is taken for all its recipients or for none, and says which of them were in the way.
 */
import { MOST_RECIPIENTS, type NewRecipient } from '../kernel/message.js';
import { assertSound, Body, type Budget } from './body.js';
import { assertOpen, type Gate } from './gate.js';
import { assertRoom, take } from './intake.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { assertAddress, assertPool, letIn } from './recipient.js';
import { refusalOf, tellRefused } from './refusals.js';
import type { Submission, Taken } from './submission.js';

export interface Injection extends Omit<Submission, 'chunks' | 'bytes' | 'utf8' | 'eightBit' | 'via'> {
  /** Lines end in CRLF. */
  readonly content: Buffer;
}

/** Recipients named in one refusal. */
const MOST_NAMED = 5;

/** Resolves when the store has promised. Throws SmtpRefusal and nothing else, having told of it in an event. */
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
    const refusal = refusalOf(error, parts.log);
    tell(parts, injection, refusal);
    throw refusal;
  } finally {
    body.release();
  }
}

/** Whether SMTPUTF8 is needed follows from the addresses: here nobody says so. */
function envelopeOf(parts: AcceptParts, injection: Injection): { sender: string; recipients: NewRecipient[]; utf8: boolean } {
  const { identity } = injection;
  const most = Math.min(parts.settings().maxRecipients, MOST_RECIPIENTS);
  if (injection.recipients.length > most) throw new SmtpRefusal(550, '5.5.3', `More than ${most} recipients`);
  assertPool(parts, identity);
  const sender = injection.sender === '' ? '' : assertAddress(injection.sender, true, '5.1.7');
  const refused: [recipient: string, refusal: SmtpRefusal][] = [];
  const recipients = injection.recipients.flatMap(one => {
    try {
      return [{ ...one, address: letIn(parts, identity, one.address, { sender, utf8: true }) }];
    } catch (error) {
      refused.push([one.address, refusalOf(error, parts.log)]);
      return [];
    }
  });
  if (refused.length > 0) throw new RecipientsRefused(refused, injection.recipients.length);
  const utf8 = [sender, ...recipients.map(one => one.address)].some(address => !/^[\x20-\x7e]*$/.test(address));
  return { sender, recipients, utf8 };
}

class RecipientsRefused extends SmtpRefusal {
  constructor(
    readonly refused: readonly (readonly [recipient: string, refusal: SmtpRefusal])[],
    recipients: number,
  ) {
    const first = refused[0]?.[1];
    const named = refused.slice(0, MOST_NAMED).map(([recipient, { text }]) => `<${recipient}>: ${text}`);
    const more = refused.length > named.length ? [`and ${refused.length - named.length} more`] : [];
    const text = recipients === 1 ? (first?.text ?? '') : [...named, ...more].join('; ');
    super(first?.responseCode ?? 550, first?.enhanced ?? '5.1.0', text);
  }
}

/** Of refused recipients each is told by itself, as they are over SMTP. */
function tell({ events }: AcceptParts, { identity, trace, sender, recipients }: Injection, refusal: SmtpRefusal): void {
  const one = ({ responseCode: code, message: text }: SmtpRefusal, recipient?: string) =>
    tellRefused(
      events,
      { at: 'http', client: identity.name, address: trace.address, code, text },
      { sender, ...(recipient === undefined ? {} : { recipient }) },
    );
  if (refusal instanceof RecipientsRefused) for (const [recipient, why] of refusal.refused) one(why, recipient);
  else one(refusal, recipients.length === 1 ? recipients[0]?.address : undefined);
}
