/**
 * Does the MTA-STS policy of a sending domain say what it should (RFC 8461)? Bounces and answers come to that domain, and
 * senders who obey its policy refuse what does not fit it.
 *
 * Says nothing of a domain that publishes none: nobody demands one.
 */
import { zoneLines } from '../../accept/dkim-record.js';
import type { CheckView } from '../../control/doctor-view.js';
import { matchesStsName } from '../../kernel/tls.js';
import { DAY, SECOND } from '../../kernel/units.js';
import type { DnsPort } from '../../route/dns.js';
import type { StsFetched } from '../../route/mta-sts-fetch.js';
import { readStsPolicy, readStsRecord, type StsPolicy } from '../../route/mta-sts.js';
import { check, few } from './check.js';

export type FetchPolicy = (domain: string) => Promise<StsFetched>;

export async function checkMtaSts(domain: string, dns: Pick<DnsPort, 'txt' | 'mx'>, fetch: FetchPolicy): Promise<CheckView[]> {
  const name = `_mta-sts.${domain}`;
  const answer = await dns.txt(name);
  // Without an answer nobody knows whether there is one: DMARC has said that the zone does not answer.
  const records = answer.kind === 'found' ? answer.records.filter(text => /^v\s*=\s*STSv1/i.test(text)) : [];
  if (records.length === 0) return [];
  const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
  if (readStsRecord(records) === undefined) {
    const what = records.length > 1 ? `${name} has ${records.length} records` : `${name} cannot be read`;
    const publish = zoneLines(name, 'v=STSv1; id=1;');
    return [check('mta-sts', 'fail', `${what}: senders see no policy`, { mend: 'publish one, with another id at each change', publish })];
  }
  const fetched = await fetch(domain);
  if (!fetched.ok)
    return [
      check('mta-sts', 'fail', `${name} announces a policy, and ${url} gives none: ${fetched.text}`, {
        mend: 'serve it, or withdraw the record',
      }),
    ];
  const read = readStsPolicy(fetched.text);
  if (!read.ok)
    return [check('mta-sts', 'fail', `the policy at ${url} cannot be read: ${read.text}`, { mend: 'mend it, and change the id' })];
  return [await agrees(domain, read.policy, dns)];
}

async function agrees(domain: string, { mode, mx, maxAge }: StsPolicy, dns: Pick<DnsPort, 'mx'>): Promise<CheckView> {
  if (mode === 'none') return check('mta-sts', 'ok', 'mode none: no policy is in force');
  const answer = await dns.mx(domain);
  if (answer.kind === 'failed') return check('mta-sts', 'unknown', `its MX hosts cannot be looked up: ${answer.text}`);
  // Without MX records the domain itself is the host (RFC 5321 section 5.1).
  const hosts = answer.kind === 'found' ? answer.records.map(({ exchange }) => exchange) : [domain];
  const unnamed = hosts.filter(host => host !== '' && !mx.some(pattern => matchesStsName(pattern, host)));
  if (unnamed.length > 0) {
    const refused = mode === 'enforce' ? 'senders refuse to deliver there' : 'in mode enforce senders would refuse to deliver there';
    return check('mta-sts', mode === 'enforce' ? 'fail' : 'warn', `the policy does not name ${few(unnamed)}: ${refused}`, {
      mend: `add ${few(unnamed.map(host => `mx: ${host}`))} to it, and change the id`,
    });
  }
  // Section 3.2 means weeks: whoever can keep a sender from the policy once would otherwise soon be rid of it.
  if (maxAge * SECOND < DAY)
    return check('mta-sts', 'warn', `mode ${mode}, but forgotten after ${maxAge} s`, { mend: 'say max_age: 604800 or more' });
  return check('mta-sts', 'ok', `mode ${mode}, names all MX hosts`);
}
