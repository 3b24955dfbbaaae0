/**
 * What a message must be for this receiver: which words go with MAIL FROM, and whether its text has to be encoded anew, given
 * what the receiver offers. Pure.
 *
 * Never sends what a receiver did not say it takes: where a message needs SMTPUTF8 or 8BITMIME and cannot do without, it fails
 * here, before MAIL FROM, with the code that says so (RFC 6531 §3.5, RFC 3463 §3.7). Raw 8-bit header fields that were handed in
 * without SMTPUTF8 go to receivers with 8BITMIME as they are, as everybody's do.
 */
import type { Envelope } from '../kernel/message.js';
import { networkReply } from '../outcome/reply.js';
import { canBeSaid, type Extension } from './commands.js';
import { Unreadable } from './mime.js';
import { hasWideHeader, isSevenBit, sevenBit, Unfit } from './seven-bit.js';
import type { Answer } from './transaction.js';

export type Fitted =
  | {
      readonly ok: true;
      readonly content: readonly Buffer[];
      readonly eightBit: boolean;
      readonly utf8: boolean;
      /** Our signatures were taken off, and it must not leave without new ones. */
      readonly unsigned?: true;
    }
  | Unfitted;

export interface Unfitted {
  readonly ok: false;
  readonly answer: Answer;
}

/** Why a recipient cannot be named to this receiver; undefined: it can be. */
export function unnameable(address: string, offers: Offers): Answer | undefined {
  if (!canBeSaid(address))
    return unfit('5.1.3', 'the address cannot be written in SMTP', 'rcpt', { class: 'other', fate: 'bounce' }).answer;
  return notAscii(address) && !offers('SMTPUTF8') ? unfit('5.6.7', NO_SMTPUTF8, 'rcpt').answer : undefined;
}

/** `sender`: '' is the null sender. `recipients`: those who can be named. */
export function fit(
  envelope: Pick<Envelope, 'utf8' | 'eightBit' | 'signed'>,
  sender: string,
  recipients: readonly string[],
  content: readonly Buffer[],
  offers: Offers,
): Fitted {
  if (!canBeSaid(sender))
    return unfit('5.1.7', 'the sender cannot be written in SMTP', 'mail', { class: 'sender.invalid', fate: 'bounce' });
  const wide = notAscii(sender);
  const utf8 = wide || envelope.utf8 === true || recipients.some(notAscii);
  if (utf8 && offers('SMTPUTF8')) return { ok: true, content, eightBit: offers('8BITMIME'), utf8: true };
  if (wide) return unfit('5.6.7', NO_SMTPUTF8, 'mail');
  if (!utf8 && !envelope.eightBit) return { ok: true, content, eightBit: false, utf8: false };
  if (!utf8 && offers('8BITMIME')) return { ok: true, content, eightBit: true, utf8: false };
  if (content.every(isSevenBit)) return { ok: true, content, eightBit: false, utf8: false };
  const whole = Buffer.concat(content);
  try {
    if (utf8 && hasWideHeader(whole)) return unfit('5.6.9', 'the receiver does not take headers outside ASCII (SMTPUTF8)', 'data');
    if (offers('8BITMIME')) return { ok: true, content, eightBit: true, utf8: false };
    const { signed } = envelope;
    return { ok: true, content: [sevenBit(whole, signed)], eightBit: false, utf8: false, ...(signed ? { unsigned: true } : {}) };
  } catch (error) {
    if (!(error instanceof Unfit || error instanceof Unreadable)) throw error;
    return unconverted(error.message);
  }
}

type Offers = (extension: Extension) => boolean;

const NO_SMTPUTF8 = 'the receiver does not take addresses outside ASCII (SMTPUTF8)';

const notAscii = (text: string): boolean => /[^\0-\x7f]/.test(text);

/** `later`: another time it may be possible (RFC 3463 §3.7 has X.6.3 for "conversion required but not supported"). */
export function unconverted(why: string, later = false): Unfitted {
  const text = `the receiver does not take 8-bit text (8BITMIME), and the message cannot be converted: ${why}`;
  return later ? unfit('4.6.3', text, 'data', { class: 'config', fate: 'defer' }) : unfit('5.6.3', text, 'data');
}

function unfit(
  enhanced: string,
  text: string,
  phase: 'mail' | 'rcpt' | 'data',
  own: Answer['own'] = { class: 'message', fate: 'bounce' },
): Unfitted {
  return { ok: false, answer: { reply: { ...networkReply(text), enhanced }, phase, own } };
}
