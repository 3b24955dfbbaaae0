/**
 * Has a domain a sound DMARC policy, and would its mail from here be aligned with it (RFC 7489 §3.1)?
 */
import { zoneLines } from '../../accept/dkim-record.js';
import type { CheckView } from '../../control/doctor-view.js';
import type { DnsPort } from '../../route/dns.js';
import { findDmarc, type DmarcFound } from '../../route/dmarc.js';
import { check } from './check.js';

export interface Identities {
  /** The d= tag of the domain's signatures. */
  readonly signing: string | undefined;
  /** Where the reverse path leads instead of the domain, when tokens are put into it. */
  readonly bounce: string | undefined;
}

type Found = Extract<DmarcFound, { kind: 'found' }>;

export async function checkDmarc(domain: string, identities: Identities, dns: Pick<DnsPort, 'txt'>): Promise<CheckView[]> {
  const found = await findDmarc(domain, dns);
  const first = zoneLines(`_dmarc.${domain}`, `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`);
  if (found.kind === 'failed') return [check('dmarc', 'unknown', found.text)];
  if (found.kind === 'none')
    return [
      check('dmarc', 'fail', 'there is no record: large receivers demand one from senders of many messages', {
        mend: 'publish',
        publish: first,
      }),
    ];
  if (found.kind === 'broken')
    return [check('dmarc', 'fail', `_dmarc.${found.at}: ${found.error}`, { mend: 'publish one such as', publish: first })];
  const { record, at } = found;
  const policy = at === domain ? record.policy : record.subdomains;
  const where = at === domain ? '' : `, from ${at}`;
  const remarks = [...record.remarks, ...(record.reports.length === 0 ? ['nobody gets reports (rua=)'] : [])];
  const sound =
    remarks.length === 0
      ? check('dmarc', 'ok', `p=${policy}${where}`)
      : check('dmarc', 'warn', `p=${policy}${where}; ${remarks.join('; ')}`, { mend: `mend the record at _dmarc.${at}` });
  return [sound, alignment(domain, found, identities)];
}

function alignment(domain: string, { at, organization, record }: Found, { signing, bounce }: Identities): CheckView {
  const dkim = signing !== undefined && aligned(domain, signing, record.strictDkim, organization);
  const spf = bounce === undefined || aligned(domain, bounce, record.strictSpf, organization);
  const said = [
    signing === undefined ? 'nothing signs' : `signed by ${signing}: ${dkim ? 'aligned' : 'not aligned'}`,
    bounce === undefined
      ? 'SPF: aligned where the sender is of this domain'
      : `reverse path at ${bounce}: ${spf ? 'aligned' : 'not aligned'}`,
  ].join('; ');
  if (dkim) return check('alignment', 'ok', said);
  const mend = signing === undefined ? `give ${domain} a key under dkim` : `sign with d=${domain}, or relax adkim at _dmarc.${at}`;
  // Forwarding breaks SPF: mail that only SPF vouches for is lost at every forwarder.
  return check('alignment', spf ? 'warn' : 'fail', said, { mend });
}

/** Strict: the same name. Relaxed: both belong to one organization, or one to the other where receivers know public suffixes. */
function aligned(from: string, other: string, strict: boolean, organization: string): boolean {
  if (from === other) return true;
  return !strict && (below(from, other) || below(other, from) || (below(from, organization) && below(other, organization)));
}

const below = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain}`);
