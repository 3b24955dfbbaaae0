/**
 * Whether a recipient is let in, whatever door it came to. The one place where an address is judged before its message.
 */
import { canonicalAddress } from './address.js';
import type { Identity } from './identity.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { assertMailable } from './suppressed.js';

/** Returns the address in its canonical form. `sender` is in its own already. Throws SmtpRefusal. */
export function letIn(
  parts: AcceptParts,
  identity: Identity,
  address: string,
  { sender, utf8 }: { readonly sender: string; readonly utf8: boolean },
): string {
  assertPool(parts, identity);
  const recipient = assertAddress(address, utf8, '5.1.3');
  assertMailable(parts, recipient, sender);
  return recipient;
}

/** Mail of this client has somewhere to go. Throws SmtpRefusal. */
export function assertPool(parts: AcceptParts, { client }: Identity): void {
  if (!parts.settings().pools.has(client.pool)) {
    throw new SmtpRefusal(550, '5.7.1', `No pool is called "${client.pool}" (named by the client)`);
  }
}

/** The canonical form. Throws SmtpRefusal for what is no address, or needs SMTPUTF8 where it was not said. */
export function assertAddress(address: string, utf8: boolean, enhanced: string): string {
  const canonical = canonicalAddress(address);
  if (!canonical.ok) throw new SmtpRefusal(553, enhanced, `Bad address: ${canonical.why}`);
  if (canonical.utf8 && !utf8) throw new SmtpRefusal(553, '5.6.7', 'The address needs SMTPUTF8');
  return canonical.address;
}
