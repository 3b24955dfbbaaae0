/**
 * The report of RFC 8460 section 4.4: one recipient domain, one day. Pure.
 *
 * And who wants it: the TXT record of `_smtp._tls.DOMAIN` (section 3).
 */
import type { TlsDomainCount } from './tls-counts.js';

export interface TlsReporter {
  readonly organization: string;
  /** Address of whoever answers questions about it. */
  readonly contact: string;
  /** Makes the report's id unique. */
  readonly hostName: string;
}

/** Always the same for the same domain, day and host: a report sent twice is known as one. */
export const tlsReportId = ({ day, domain }: Pick<TlsDomainCount, 'day' | 'domain'>, hostName: string): string =>
  `${day}.${domain}@${hostName}`;

export function buildTlsReport(count: TlsDomainCount, reporter: TlsReporter): object {
  return {
    'organization-name': reporter.organization,
    'date-range': { 'start-datetime': `${count.day}T00:00:00Z`, 'end-datetime': `${count.day}T23:59:59Z` },
    'contact-info': reporter.contact,
    'report-id': tlsReportId(count, reporter.hostName),
    policies: count.policies.map(policy => ({
      policy: {
        'policy-type': policy.type,
        ...(policy.text.length > 0 && { 'policy-string': policy.text }),
        'policy-domain': policy.domain,
        ...(policy.mx.length > 0 && { 'mx-host': policy.mx }),
      },
      summary: { 'total-successful-session-count': policy.succeeded, 'total-failure-session-count': policy.failed },
      ...(policy.failures.length > 0 && {
        'failure-details': policy.failures.map(f => ({
          'result-type': f.failure,
          ...(f.sourceIp !== '' && { 'sending-mta-ip': f.sourceIp }),
          ...(f.mxHost !== '' && { 'receiving-mx-hostname': f.mxHost }),
          ...(f.receivingIp !== '' && { 'receiving-ip': f.receivingIp }),
          'failed-session-count': f.sessions,
          ...(f.detail !== '' && { 'failure-reason-code': f.detail }),
        })),
      }),
    })),
  };
}

/** `SUBMITTER!DOMAIN!BEGIN!END.json.gz`, seconds of the epoch (RFC 8460 section 5.1). */
export function tlsReportFile({ day, domain }: Pick<TlsDomainCount, 'day' | 'domain'>, hostName: string): string {
  const begin = Date.parse(`${day}T00:00:00Z`) / 1_000;
  return `${hostName}!${domain}!${begin}!${begin + 86_399}.json.gz`;
}

/** Who wants the reports of a domain. */
interface TlsRua {
  readonly mailboxes: readonly string[];
  /** Addresses of https. */
  readonly urls: readonly string[];
}

/** Of each kind. */
const RUA_MOST = 5;

/** `rua=`; nobody when there is no record, several, or a malformed one. Never throws. */
export function readTlsRua(records: readonly string[]): TlsRua {
  const ours = records.filter(text => /^v=TLSRPTv1\s*;/.test(text));
  const rua = ours.length === 1 ? /;\s*rua\s*=\s*([^;]+)/.exec(ours[0] ?? '')?.[1] : undefined;
  const uris = (rua ?? '').split(',').map(uri => uri.trim());
  const some = (read: (uri: string) => string | undefined): string[] =>
    [...new Set(uris.flatMap(uri => read(uri) ?? []))].slice(0, RUA_MOST);
  return { mailboxes: some(mailboxOf), urls: some(urlOf) };
}

function mailboxOf(uri: string): string | undefined {
  const address = decoded(/^mailto:([^?!]+)$/i.exec(uri)?.[1] ?? '');
  return /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(address) ? address : undefined;
}

/** Without what goes to no server; one that brings a name and a password is not meant for us. */
function urlOf(uri: string): string | undefined {
  if (!/^https:\/\//i.test(uri) || !URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if (url.username !== '' || url.password !== '' || url.hostname === '') return undefined;
  url.hash = '';
  return url.href;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
