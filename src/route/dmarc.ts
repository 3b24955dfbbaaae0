/**
 * DMARC records: found where a receiver looks for them, and read (RFC 7489 §6.3, §6.6.3).
 *
 * A domain without a record of its own has that of its organization. No list of public suffixes says which domain that is; the
 * tree walk of DMARC's next version does (draft-ietf-dmarc-dmarcbis, "DNS Tree Walk"): each parent is asked, and the topmost
 * record is the organization's, unless one says otherwise (psd=). Pure but for the questions; never rejects.
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
  /** `y`: a public suffix; `n`: an organization, whatever stands above it. */
  readonly psd: 'y' | 'n' | undefined;
  /** What is not as it should be, though receivers read on. */
  readonly remarks: readonly string[];
}

export type DmarcFound =
  | {
      readonly kind: 'found';
      readonly at: string;
      readonly text: string;
      readonly record: DmarcRecord;
      /** The domain that this one belongs to; relaxed alignment is sharing it. */
      readonly organization: string;
    }
  | { readonly kind: 'broken'; readonly at: string; readonly error: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly text: string };

/** Questions of one walk, at most; parents of a domain with more labels are looked at from the seventh on. */
const MOST_QUESTIONS = 8;
const POLICIES: ReadonlySet<string> = new Set(['none', 'quarantine', 'reject']);
const TAGS: ReadonlySet<string> = new Set(['v', 'p', 'sp', 'np', 'adkim', 'aspf', 'rua', 'ruf', 'pct', 'fo', 'rf', 'ri', 'psd', 't']);

interface Step {
  readonly at: string;
  readonly text: string;
  readonly read: DmarcRecord | { readonly error: string };
}

export async function findDmarc(domain: string, dns: Pick<DnsPort, 'txt'>): Promise<DmarcFound> {
  const steps: Step[] = [];
  let trouble: string | undefined;
  for (const at of walk(domain)) {
    const answer = await dns.txt(`_dmarc.${at}`);
    if (answer.kind === 'failed') trouble ??= answer.text;
    if (answer.kind === 'failed' && at === domain) break;
    const records = answer.kind === 'found' ? answer.records.filter(text => /^v\s*=\s*DMARC1\s*(;|$)/.test(text)) : [];
    const [text] = records;
    if (text === undefined) continue;
    const read = records.length > 1 ? { error: `${records.length} records: receivers take none of them` } : readDmarc(text);
    steps.push({ at, text, read });
    if (!('error' in read) && read.psd !== undefined) break;
  }
  const sound = steps.flatMap(({ at, text, read }) => ('error' in read ? [] : [{ at, text, record: read }]));
  const own = steps.find(({ at }) => at === domain);
  const organization = organizationOf(domain, sound);
  const used =
    sound.find(({ at }) => at === domain) ?? sound.find(({ at }) => at === organization) ?? sound.find(({ record }) => record.psd === 'y');
  // A record that cannot be read is worth more words than the parent's that is taken instead.
  const broken = own && 'error' in own.read ? own : used ? undefined : steps[0];
  if (broken && 'error' in broken.read) return { kind: 'broken', at: broken.at, error: broken.read.error };
  if (used) return { kind: 'found', ...used, organization };
  return trouble === undefined ? { kind: 'none' } : { kind: 'failed', text: trouble };
}

/** The domain, then its parents up to the top. */
function walk(domain: string): string[] {
  const labels = domain.split('.');
  const parents = labels.slice(1).map((_, i) => labels.slice(i + 1));
  return [labels, ...parents.filter(({ length }) => length < MOST_QUESTIONS)].map(names => names.join('.'));
}

function organizationOf(domain: string, found: readonly { readonly at: string; readonly record: DmarcRecord }[]): string {
  const last = found.at(-1);
  if (last?.record.psd === 'y' && last.at !== domain) {
    // Behind a public suffix, one label below it.
    const labels = domain.split('.');
    return labels.slice(labels.length - last.at.split('.').length - 1).join('.');
  }
  return last?.at ?? domain;
}

function readDmarc(text: string): DmarcRecord | { readonly error: string } {
  const tags = new Map<string, string>();
  const remarks: string[] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const [, name = '', value = ''] = /^([a-zA-Z]+)\s*=\s*(.*)$/.exec(part.trim()) ?? [];
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
  const psd = tags.get('psd')?.toLowerCase();
  return {
    policy,
    subdomains: policyOf('sp') ?? policy,
    strictDkim: strict('adkim'),
    strictSpf: strict('aspf'),
    reports,
    psd: psd === 'y' || psd === 'n' ? psd : undefined,
    remarks,
  };
}
