/**
 * A host that was reached and would not have us: may the next one be tried? Pure.
 *
 * RFC 5321 §5.1 has the client try each address in order until one attempt succeeds; §3.8 and §4.2.1 make 421 a word about
 * that service, now; RFC 7504 §2 says the same of 521 and 554 greetings ("no mail service here" is no word about other
 * hosts). So any refusal before MAIL FROM, 4xx or 5xx, is passed over to the next MX host, unless it is about the sending
 * address: a throttle, a block or a missing name is what the provider's other hosts would say too, and asking five of them
 * in a row is what makes it worse. Each further connection is asked of the governor.
 */
import { ABOUT_THE_IP, type OutcomeClass, type ReplyMatch } from '../kernel/reply.js';

const ABOUT_OUR_NAME: ReadonlySet<OutcomeClass> = new Set<OutcomeClass>(['auth', 'ptr']);

/** Would the provider's other hosts say the same? A rule may know better: `action: skip-mx`. */
export function isAboutUs(match: ReplyMatch): boolean {
  if (match.rule?.action === 'skip-mx') return false;
  return ABOUT_THE_IP.has(match.class) || ABOUT_OUR_NAME.has(match.class) || match.rule?.reaction !== undefined;
}
