/**
 * Recipients who get no more mail are refused at the door, where the settings say so. Asked for known clients only: a
 * stranger learns nothing about who is on the list. And what people write on the list, in the form the door asks for.
 */
import { LONGEST_SUPPRESSED, suppressedForm, suppressedText } from '../kernel/suppression.js';
import { canonicalAddress, canonicalDomain } from './address.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';

/** Both as they travel, without brackets. Throws SmtpRefusal (550 5.7.1). */
export function assertMailable({ suppressed }: Pick<AcceptParts, 'suppressed'>, recipient: string, sender: string): void {
  const entry = suppressed?.(recipient, sender);
  if (entry) throw new SmtpRefusal(550, '5.7.1', suppressedText(entry).replace('the address', 'The recipient'));
}

/** An address as a person or a file wrote it, in its suppressed form. undefined: no mail can have this recipient. */
export function readSuppressed(text: string): string | undefined {
  const read = canonicalAddress(text);
  const form = read.ok ? suppressedForm(read.address) : undefined;
  return form !== undefined && Buffer.byteLength(form) <= LONGEST_SUPPRESSED ? form : undefined;
}

/** A sender domain as somebody wrote it; '' for everybody, who may be written `*`. undefined: it is no domain. */
export function readScope(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return name === '' || name === '*' || name === 'global' ? '' : canonicalDomain(name);
}
