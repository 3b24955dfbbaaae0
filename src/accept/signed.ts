/**
 * The step of acceptance that signs: the message as it is stored, with its signatures in front where it has any, or the
 * refusal of one that must be signed and cannot be.
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
): Promise<readonly Buffer[]> {
  if (!parts.signer) return content;
  try {
    const fields = await parts.signer.sign(envelope, content, client);
    return fields.length > 0 ? [...fields, ...content] : content;
  } catch (error) {
    if (!(error instanceof Unsignable)) throw error;
    const [code, enhanced] = error.temporary ? ([451, '4.7.0'] as const) : ([550, '5.7.20'] as const);
    throw new SmtpRefusal(code, enhanced, `Mail must be signed here, and ${error.message}`);
  }
}
