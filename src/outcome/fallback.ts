/**
 * What a reply means when no rule knows it: by enhanced code, else by basic code.
 *
 * Sources: RFC 3463 and the IANA registry of enhanced status codes (RFC 4954, 5248, 6710, 7293, 7372, 7505); RFC 5321
 * section 4.2.3, RFC 7504. These answers carry no rule and so move no limit. They are careful with mailboxes: only a 5xx
 * that names the mailbox calls it unknown or inactive, because that takes an address off the list.
 */
import type { OutcomeClass, Phase, Reply, Scope } from '../kernel/reply.js';

/** By subject and detail; `x.n.m` of a 4xx and of a 5xx may differ. */
type Meaning = OutcomeClass | { readonly temporary: OutcomeClass; readonly permanent: OutcomeClass };

const unless4 = (permanent: OutcomeClass): Meaning => ({ temporary: 'transient', permanent });

const ENHANCED: Readonly<Record<string, Meaning>> = {
  '1.1': unless4('mailbox.unknown'), // bad destination mailbox address
  '1.2': unless4('mailbox.unknown'), // bad destination system address
  '1.3': unless4('mailbox.unknown'), // bad destination mailbox address syntax
  '1.4': unless4('mailbox.unknown'), // destination mailbox address ambiguous
  '1.6': unless4('mailbox.inactive'), // destination mailbox has moved
  '1.7': 'sender.invalid', // bad sender's mailbox address syntax
  '1.8': 'sender.invalid', // bad sender's system address
  '1.10': unless4('mailbox.unknown'), // recipient address has null MX (RFC 7505)
  '2.1': unless4('mailbox.inactive'), // mailbox disabled, not accepting messages
  '2.2': 'mailbox.full',
  '2.3': 'message', // longer than the mailbox's limit
  '3.1': 'transient', // mail system full
  '3.3': 'message', // system not capable of selected features
  '3.4': 'message', // message too big for system
  '3.5': unless4('config'), // system incorrectly configured
  '4.5': 'transient', // mail system congestion
  '4.6': 'config', // routing loop detected
  '5.3': 'protocol.recipients', // too many recipients
  '7.1': unless4('policy.recipient'), // delivery not authorized, message refused
  '7.2': 'policy.recipient', // mailing list expansion prohibited
  '7.4': 'tls', // security features not supported
  '7.5': 'tls', // cryptographic failure
  '7.6': 'tls', // cryptographic algorithm not supported
  '7.7': 'auth', // message integrity failure
  '7.8': 'config', // authentication credentials invalid (RFC 4954: ours)
  '7.9': 'config', // authentication mechanism is too weak
  '7.10': 'tls', // encryption needed
  '7.11': 'tls', // encryption required for the authentication mechanism
  '7.12': 'config', // a password transition is needed
  '7.13': 'config', // user account disabled (of the client that authenticates)
  '7.14': 'config', // trust relationship required
  '7.15': 'transient', // priority level is too low (RFC 6710)
  '7.16': 'message', // message is too big for the specified priority
  '7.17': unless4('mailbox.inactive'), // mailbox owner has changed (RFC 7293)
  '7.18': unless4('mailbox.inactive'), // domain owner has changed
  '7.20': 'auth', // no passing DKIM signature (RFC 7372)
  '7.21': 'auth', // no acceptable DKIM signature
  '7.22': 'auth', // no valid author-matched DKIM signature
  '7.23': 'auth', // SPF validation failed
  '7.24': 'auth', // SPF validation error
  '7.25': 'ptr', // reverse DNS validation failed
  '7.26': 'auth', // multiple authentication checks failed
  '7.27': 'sender.invalid', // sender address has null MX (RFC 7505)
  '7.28': 'throttle.rate', // mail flood detected
  '7.29': 'auth', // ARC validation failure
  '7.30': 'tls', // REQUIRETLS support required (RFC 8689)
};

/** By subject alone, where the detail is not known. */
const SUBJECT: Readonly<Record<string, Meaning>> = {
  '1': unless4('other'),
  '2': unless4('other'),
  '3': unless4('other'),
  '4': unless4('other'), // the receiver's own network, not the way to it
  '5': 'protocol',
  '6': 'message',
  '7': unless4('content'),
};

/** qmail and its kin put the code at the end: `no mailbox here by that name. (#5.1.1)`. */
const AT_THE_END = /#([45]\.\d{1,3}\.\d{1,3})/;

/** Class by enhanced code; undefined when the reply has none. `x.0.0` says nothing. */
export function byEnhanced(reply: Reply): OutcomeClass | undefined {
  const code = reply.enhanced ?? AT_THE_END.exec(reply.text)?.[1];
  if (code === undefined) return undefined;
  const [, subject = '0', detail = '0'] = code.split('.');
  const meaning = ENHANCED[`${subject}.${detail}`] ?? SUBJECT[subject];
  if (meaning === undefined) return undefined;
  if (typeof meaning === 'string') return meaning;
  return reply.code < 500 ? meaning.temporary : meaning.permanent;
}

/** Class by basic code. 550 is both "no such mailbox" and "policy" (RFC 5321, 4.2.3): too little to blame the mailbox. */
export function byBasic(reply: Reply, phase: Phase): OutcomeClass {
  switch (reply.code) {
    case 455:
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
    case 555:
      return 'protocol';
    case 454:
      return phase === 'tls' || phase === 'helo' ? 'tls' : 'transient';
    case 530:
      return /tls/i.test(reply.text) ? 'tls' : 'config';
    case 534:
    case 535:
    case 538:
      return 'config';
    case 551:
    case 556: // the domain accepts no mail (RFC 7504)
      return 'mailbox.unknown';
    case 552:
      return phase === 'rcpt' ? 'mailbox.full' : 'message';
    case 553:
      return phase === 'mail' ? 'sender.invalid' : 'policy.recipient';
    default:
      return reply.code >= 500 ? 'other' : 'transient';
  }
}

/** Whom a class concerns when no rule says so. */
export function scopeOf(cls: OutcomeClass): Scope {
  switch (cls) {
    case 'mailbox.unknown':
    case 'mailbox.full':
    case 'mailbox.inactive':
    case 'policy.recipient':
    case 'throttle.recipient':
    case 'greylist':
      return 'recipient';
    case 'auth':
    case 'sender.invalid':
    case 'block.domain':
      return 'sender-domain';
    case 'throttle.per-connection':
      return 'connection';
    default:
      return 'lane';
  }
}
