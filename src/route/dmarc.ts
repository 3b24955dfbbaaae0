/**
 * DMARC records: found where a receiver looks for them, and read (RFC 7489 §6.3, §6.6.3).
 *
 * A domain without a record of its own has that of a parent. Receivers that know a list of public suffixes go to the
 * registered domain at once; here, as in the tree walk of DMARC's next version, every parent with two labels or more is asked.
 * Pure but for the questions; never rejects.
 */
import type { DnsPort } from './dns.js';

export interface DmarcRecord {
  readonly policy: 'none' | 'quarantine' | 'reject';
  /** Of names below the domain. */
  readonly subdomains: 'none' | 'quarantine' | 'reject';
  readonly strictDkim: boolean;
  readonly strictSpf: boolean;
  /** Where reports go; empty: nowhere. */
  readonly reports: readonly string[];
  /** What is not as it should be, though receivers read on. */
  readonly remarks: readonly string[];
}

export type DmarcFound =
  | { readonly kind: 'found'; readonly at: string; readonly text: string; readonly record: DmarcRecord }
  | { readonly kind: 'broken'; readonly at: string; readonly error: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly text: string };

const DEEPEST = 8;
const POLICIES: ReadonlySet<string> = new Set(['none', 'quarantine', 'reject']);
const TAGS: ReadonlySet<string> = new Set(['v', 'p', 'sp', 'np', 'adkim', 'aspf', 'rua', 'ruf', 'pct', 'fo', 'rf', 'ri', 'psd', 't']);

export async function findDmarc(domain: string, dns: Pick<DnsPort, 'txt'>): Promise<DmarcFound> {
  const labels = domain.split('.');
  for (let up = 0; up === 0 || (up < DEEPEST && labels.length - up >= 2); up++) {
    const at = labels.slice(up).join('.');
    const answer = await dns.txt(`_dmarc.${at}`);
    if (answer.kind === 'failed') return { kind: 'failed', text: answer.text };
    const records = answer.kind === 'found' ? answer.records.filter(text => /^v\s*=\s*DMARC1\s*(;|$)/.test(text)) : [];
    const [text] = records;
    if (text === undefined) continue;
    if (records.length > 1) return { kind: 'broken', at, error: `${records.length} records: receivers take none of them` };
    const record = readDmarc(text);
    return 'error' in record ? { kind: 'broken', at, error: record.error } : { kind: 'found', at, text, record };
  }
  return { kind: 'none' };
}

function readDmarc(text: string): DmarcRecord | { readonly error: string } {
  const tags = new Map<string, string>();
  const remarks: string[] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const [, name = '', value = ''] = /^\s*([a-zA-Z]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    const key = name.toLowerCase();
    if (key === '') remarks.push(`"${part.trim()}" is no tag`);
    else if (tags.has(key)) remarks.push(`${key}= stands twice`);
    else tags.set(key, value);
    if (key !== '' && !TAGS.has(key)) remarks.push(`${key}= is no tag of DMARC`);
  }
  const policyOf = (key: string): DmarcRecord['policy'] | undefined => {
    const value = tags.get(key)?.toLowerCase();
    return value !== undefined && POLICIES.has(value) ? (value as DmarcRecord['policy']) : undefined;
  };
  const policy = policyOf('p');
  if (policy === undefined)
    return { error: tags.has('p') ? `p=${tags.get('p') ?? ''} is none of none, quarantine and reject` : 'it says no policy (p=)' };
  if (tags.has('sp') && policyOf('sp') === undefined) remarks.push(`sp=${tags.get('sp') ?? ''} is none of none, quarantine and reject`);
  const strict = (key: string): boolean => {
    const value = (tags.get(key) ?? 'r').toLowerCase();
    if (value !== 'r' && value !== 's') remarks.push(`${key}=${value} is neither r nor s`);
    return value === 's';
  };
  const reports = (tags.get('rua') ?? '')
    .split(',')
    .map(uri => uri.trim())
    .filter(Boolean);
  for (const uri of reports) if (!/^mailto:[^@\s]+@[^@\s]+$/i.test(uri)) remarks.push(`rua=${uri} is no mailto: address`);
  return { policy, subdomains: policyOf('sp') ?? policy, strictDkim: strict('adkim'), strictSpf: strict('aspf'), reports, remarks };
}
