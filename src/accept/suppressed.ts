/**
 * Recipients who get no more mail are refused at the door, where the settings say so. Asked for known clients only: a
 * stranger learns nothing about who is on the list.
 */
import { suppressedText } from '../kernel/suppression.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';

/** Both as they travel, without brackets. Throws SmtpRefusal (550 5.7.1). */
export function assertMailable({ suppressed }: Pick<AcceptParts, 'suppressed'>, recipient: string, sender: string): void {
  const entry = suppressed?.(recipient, sender);
  if (entry) throw new SmtpRefusal(550, '5.7.1', suppressedText(entry).replace('the address', 'The recipient'));
}
