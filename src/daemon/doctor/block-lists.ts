/**
 * Is an address on a block list (RFC 5782)?
 *
 * A list is believed only when it answers as lists must: its test entry (127.0.0.2, or ::FFFF:7F00:2) is listed and
 * 127.0.0.1 is not; a list that refuses this resolver, was closed, or lists everything is `unknown`, never `listed`. So is
 * an answer outside 127.0.0.0/8, and 127.255.255.x, by which Spamhaus refuses a query
 * (https://www.spamhaus.org/faqs/dnsbl-usage/). Nothing is asked of a list about an address it cannot know.
 */
import ipaddr from 'ipaddr.js';
import type { BlockList } from '../../config/block-lists.js';
import type { CheckView } from '../../control/doctor-view.js';
import type { DnsAnswer, DnsPort } from '../../route/dns.js';
import { reversed } from '../../route/reverse.js';
import { check } from './check.js';

const TEST_LISTED = { ipv4: '2.0.0.127', ipv6: reversedMapped('7f000002') };
const TEST_CLEAN = { ipv4: '1.0.0.127', ipv6: reversedMapped('7f000001') };
/** By which Spamhaus and others say that they do not answer this resolver. */
const REFUSAL = /^127\.255\.255\.\d+$/;

export async function checkBlockList(address: string, list: BlockList, dns: Pick<DnsPort, 'a'>): Promise<CheckView | undefined> {
  const kind = ipaddr.process(address).kind();
  if (kind === 'ipv6' && !list.ipv6) return undefined;
  const said = (state: CheckView['state'], text: string, mend?: string): CheckView =>
    check('dnsbl', state, text, { about: list.name, ...(mend !== undefined && { mend }) });
  const silent = await trusted(list, kind, dns);
  if (silent !== undefined) return said('unknown', silent);
  const answer = await dns.a(`${reversed(address)}.${list.zone}`);
  if (answer.kind === 'failed') return said('unknown', `${list.zone}: ${answer.text}`);
  if (answer.kind !== 'found') return said('ok', 'not listed');
  const refusal = refused(answer.records);
  if (refusal !== undefined) return said('unknown', refusal);
  const meanings = answer.records.map(record => list.answers[record]).filter(text => text !== undefined);
  const what = [...new Set(meanings)].join('; ') || answer.records.join(', ');
  return said(
    'fail',
    `${address} is listed (${what})${list.means === undefined ? '' : `: ${list.means}`}`,
    list.delist === undefined ? 'find out why, then ask the list to take it off' : `find out why, then ask to be taken off: ${list.delist}`,
  );
}

/** Why the list is not to be believed here; undefined when it is. */
async function trusted(list: BlockList, kind: 'ipv4' | 'ipv6', dns: Pick<DnsPort, 'a'>): Promise<string | undefined> {
  const listed = await dns.a(`${TEST_LISTED[kind]}.${list.zone}`);
  if (listed.kind === 'failed') return `${list.zone}: ${listed.text}`;
  if (listed.kind !== 'found')
    return 'the list does not answer for its own test entry: it refuses this resolver, or is closed; ask through a resolver of your own';
  const refusal = refused(listed.records);
  if (refusal !== undefined) return refusal;
  const clean: DnsAnswer<string> = await dns.a(`${TEST_CLEAN[kind]}.${list.zone}`);
  return clean.kind === 'found' ? 'the list lists everything: it is closed, or this resolver invents answers' : undefined;
}

function refused(records: readonly string[]): string | undefined {
  const refusal = records.find(record => REFUSAL.test(record));
  if (refusal !== undefined) return `the list refuses to answer this resolver (${refusal}): ask through a resolver of your own`;
  const strange = records.find(record => !record.startsWith('127.'));
  return strange === undefined
    ? undefined
    : `${strange} is no answer of a block list: this resolver invents answers, or the list is closed`;
}

/** ::FFFF:a.b.c.d as nibbles from the last, from the eight digits of a.b.c.d; ipaddr would make it IPv4. */
function reversedMapped(hex: string): string {
  return [...`${'0'.repeat(20)}ffff${hex}`].reverse().join('.');
}
