/**
 * Outcome class → PowerMTA's bounce category, the word that accounting files carry and reports are built on.
 *
 * Total: every class has one. A category says what kind of trouble it was, not whether it was final.
 */
import type { OutcomeClass } from '../kernel/reply.js';

export const BOUNCE_CATEGORIES = [
  'success',
  'bad-mailbox',
  'inactive-mailbox',
  'quota-issues',
  'bad-configuration',
  'bad-domain',
  'routing-errors',
  'no-answer-from-host',
  'bad-connection',
  'protocol-errors',
  'message-expired',
  'content-related',
  'spam-related',
  'policy-related',
  'virus-related',
  'relaying-issues',
  'invalid-sender',
  'other',
] as const;
export type BounceCategory = (typeof BOUNCE_CATEGORIES)[number];

const CATEGORY: Readonly<Record<OutcomeClass, BounceCategory>> = {
  delivered: 'success',
  'throttle.rate': 'policy-related',
  'throttle.connections': 'policy-related',
  'throttle.per-connection': 'policy-related',
  'throttle.recipient': 'quota-issues',
  'reputation.defer': 'spam-related',
  'block.ip': 'spam-related',
  'block.network': 'policy-related',
  'block.domain': 'spam-related',
  'block.dnsbl': 'spam-related',
  greylist: 'policy-related',
  auth: 'policy-related',
  ptr: 'policy-related',
  tls: 'policy-related',
  config: 'bad-configuration',
  content: 'spam-related',
  message: 'content-related',
  'policy.recipient': 'policy-related',
  'mailbox.unknown': 'bad-mailbox',
  'mailbox.full': 'quota-issues',
  'mailbox.inactive': 'inactive-mailbox',
  'sender.invalid': 'invalid-sender',
  protocol: 'protocol-errors',
  'protocol.recipients': 'protocol-errors',
  network: 'no-answer-from-host',
  dns: 'bad-domain',
  transient: 'other',
  expired: 'message-expired',
  suppressed: 'bad-mailbox',
  other: 'other',
};

export function bounceCategory(cls: OutcomeClass): BounceCategory {
  return CATEGORY[cls];
}
