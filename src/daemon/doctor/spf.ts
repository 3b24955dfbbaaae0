/**
 * Does the SPF policy of a domain let a source send (RFC 7208)? Says the record that would.
 */
import ipaddr from 'ipaddr.js';
import { zoneLines } from '../../accept/dkim-record.js';
import type { CheckView } from '../../control/doctor-view.js';
import type { Source } from '../../kernel/settings.js';
import { checkSpf, type SpfDns, type SpfVerdict } from '../../route/spf.js';
import { check } from './check.js';

/** A line for each source, in their order. All that the record lacks goes into one record to publish. */
export async function checkSpfOf(domain: string, sources: readonly Source[], dns: SpfDns): Promise<CheckView[]> {
  const verdicts = await Promise.all(
    sources.map(({ address, hostName }) => checkSpf(domain, { ip: address, sender: `postmaster@${domain}`, helo: hostName }, dns)),
  );
  const lacking = sources.filter((_source, i) => LACKING.has(verdicts[i]?.result ?? '')).map(({ address }) => address);
  return verdicts.map((verdict, i) => line(domain, sources[i]?.address ?? '', verdict, lacking));
}

const LACKING: ReadonlySet<string> = new Set(['fail', 'softfail', 'neutral', 'none']);

function line(domain: string, address: string, { result, text, record, lookups }: SpfVerdict, lacking: readonly string[]): CheckView {
  const about = domain;
  switch (result) {
    case 'pass':
      return check('spf', 'ok', `lets ${address} send (${text})`, { about });
    case 'temperror':
      return check('spf', 'unknown', text, { about });
    case 'permerror':
      return check('spf', 'fail', `receivers cannot evaluate it: ${text}`, {
        about,
        mend: lookups > 10 ? 'name addresses (ip4:, ip6:) instead of including other records' : 'mend the record',
      });
    default: {
      const none = result === 'none';
      return check('spf', result === 'neutral' ? 'warn' : 'fail', none ? text : `does not let ${address} send (${result}: ${text})`, {
        about,
        mend: none ? 'publish a record' : 'change the record to',
        publish: zoneLines(domain, withAddresses(record, lacking)),
      });
    }
  }
}

/** The record with these addresses in front of what ends it. */
export function withAddresses(record: string | undefined, addresses: readonly string[]): string {
  const terms = [...new Set(addresses)].map(a => `${ipaddr.process(a).kind() === 'ipv4' ? 'ip4' : 'ip6'}:${a}`);
  if (record === undefined) return ['v=spf1', ...terms, '~all'].join(' ');
  const words = record.split(' ').filter(Boolean);
  const end = words.findIndex(word => /^[-+~?]?all$/i.test(word) || /^redirect=/i.test(word));
  return [...words.slice(0, end < 0 ? words.length : end), ...terms, ...(end < 0 ? [] : words.slice(end))].join(' ');
}
