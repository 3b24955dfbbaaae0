/**
 * The step of acceptance that signs: the message as it is stored, with its signatures in front where it has any and their
 * number in its envelope, or the refusal of one that must be signed and cannot be.
 */
import type { Envelope } from '../kernel/message.js';
import type { Client } from '../kernel/settings.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { Unsignable } from './signer.js';

/** RFC 7372 §3.1 has 5.7.20 for "no passing DKIM signature found". */
export async function signed(
  parts: Pick<AcceptParts, 'signer'>,
  envelope: Envelope,
  client: Client,
  content: readonly Buffer[],
): Promise<{ readonly envelope: Envelope; readonly content: readonly Buffer[] }> {
  if (!parts.signer) return { envelope, content };
  try {
    return inFront(envelope, await parts.signer.sign(envelope, content, client), content);
  } catch (error) {
    if (!(error instanceof Unsignable)) throw error;
    const [code, enhanced] = error.temporary ? ([451, '4.7.0'] as const) : ([550, '5.7.20'] as const);
    throw new SmtpRefusal(code, enhanced, `Mail must be signed here, and ${error.message}`);
  }
}

/** A message with these signatures put in front of it. */
export function inFront(
  envelope: Envelope,
  fields: readonly Buffer[],
  content: readonly Buffer[],
): { readonly envelope: Envelope; readonly content: readonly Buffer[] } {
  return fields.length > 0 ? { envelope: { ...envelope, signed: fields.length }, content: [...fields, ...content] } : { envelope, content };
}
