/**
 * The section `dkim:`: keys, the domains they sign for, and how.
 *
 * Says what a person got wrong in writing it; whether the key files are there and fit is judged by who signs
 * (accept/dkim-keys.ts). Pure.
 */
import type { DkimKey, DkimSign, Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { DAY } from '../kernel/units.js';
import { hostName, readDomain } from './address.js';
import type { Findings } from './findings.js';
import type { SettingsText } from './settings.js';
import { listOf, mapping, oneOf, scalar } from './shape.js';
import { path, positiveDuration } from './words.js';
import type { YamlText } from './yaml-text.js';

/** A verifier need not look at more (RFC 6376 §6.1), and two are enough: RSA for everybody, Ed25519 for who knows it. */
const MOST_KEYS = 2;

/** Fields that change or are added on the way (RFC 6376 §5.4.1), and ours, which never leave: a signature over them breaks. */
const NEVER_SIGNED: ReadonlySet<string> = new Set([
  'received',
  'return-path',
  'dkim-signature',
  'delivered-to',
  'bcc',
  'x-pool',
  'x-virtual-mta',
  'x-job',
  'x-envid',
  'x-warm-up',
]);

/** `dkim-sign` of a client or a pool. */
export const dkimSign = scalar<DkimSign>(
  'bad-flag',
  {
    type: ['boolean', 'string'],
    description: 'true: sign what has a key; false: sign nothing; required: refuse what cannot be signed',
    examples: ['required'],
  },
  text => {
    if (text === 'required') return { ok: true, value: 'required' };
    if (text === 'true' || text === 'false') return { ok: true, value: text === 'true' };
    const meant = /^(yes|on|y)$/i.test(text) ? 'true' : /^(no|off|n)$/i.test(text) ? 'false' : undefined;
    return { ok: false, allowed: 'true, false or required', ...(meant !== undefined && { hint: `write ${meant}` }) };
  },
);

const signedDomain = scalar<string>(
  'bad-domain',
  { type: 'string', description: 'a domain such as example.com, *.example.com, or *', examples: ['example.com', '*.example.com'] },
  text => {
    if (text === '*') return { ok: true, value: '*' };
    const wild = text.startsWith('*.');
    const read = readDomain(wild ? text.slice(2) : text);
    if (read.ok) return { ok: true, value: wild ? `*.${read.value}` : read.value };
    return { ...read, allowed: 'a domain such as example.com, *.example.com for each name below it, or * (international names as xn--)' };
  },
);

/** RFC 6376 §3.1: labels, with dots between. */
const selector = scalar<string>('bad-selector', { type: 'string', description: 'a selector such as s1' }, text => {
  const value = hostName(text);
  return value === undefined ? { ok: false, allowed: 'letters, digits and hyphens, with dots between' } : { ok: true, value };
});

const keyPath = scalar<string>(
  'bad-path',
  { type: 'string', description: 'the PEM file of the private key; {domain} and {selector} are filled in' },
  text => {
    const read = path.safeParse(text);
    const strange = /\{(?!domain\}|selector\})[^}]*\}?/.exec(text)?.[0];
    if (!read.success || strange !== undefined)
      return {
        ok: false,
        allowed: 'a path, in which {domain} and {selector} may stand',
        ...(strange !== undefined && { hint: `${strange} is neither` }),
      };
    return { ok: true, value: read.data };
  },
);

const fieldName = scalar<string>('bad-header', { type: 'string', description: 'the name of a header field' }, text => {
  const name = text.toLowerCase();
  if (NEVER_SIGNED.has(name)) return { ok: false, allowed: 'fields that do not change on the way' };
  // RFC 5322 §2.2 without the characters that delimit in a tag list.
  return /^[!-9<-~]{1,76}$/.test(text) && !text.includes(';')
    ? { ok: true, value: name }
    : { ok: false, allowed: 'a name such as Subject' };
});

const identity = scalar<string>(
  'bad-identity',
  { type: 'string', description: 'the i= tag: @domain or name@domain, at or below the signing domain; {domain} is filled in' },
  text => {
    const at = text.lastIndexOf('@');
    const domain = text.slice(at + 1);
    const good = domain === '{domain}' || hostName(domain.replace(/^(.*\.)?\{domain\}$/, '$1x')) !== undefined;
    return at >= 0 && /^[A-Za-z0-9.+_-]{0,64}$/.test(text.slice(0, at)) && good
      ? { ok: true, value: text }
      : { ok: false, allowed: '@example.com, news@example.com or @{domain}' };
  },
);

export const dkimShape = mapping('a key under dkim', {
  domain: signedDomain,
  selector,
  key: keyPath,
  headers: listOf('names of header fields', fieldName).optional(),
  identity: identity.optional(),
  expire: positiveDuration.optional(),
  canonicalization: oneOf('how header and body are brought into one form', [
    'relaxed/relaxed',
    'relaxed/simple',
    'simple/relaxed',
    'simple/simple',
  ]).optional(),
});

/** `resolve` makes paths absolute; relative ones start at the configuration file. */
export function readDkim(text: SettingsText, resolve: (path: string) => string): DkimKey[] {
  const keys: DkimKey[] = [];
  for (const { path: here, from, value } of text.items('dkim', dkimShape)) {
    if (!value) continue;
    const [header, body] = (value.canonicalization ?? 'relaxed/relaxed').split('/') as ['relaxed' | 'simple', 'relaxed' | 'simple'];
    const key: DkimKey = {
      domain: value.domain,
      selector: value.selector,
      key: resolve(value.key),
      ...(value.headers && { headers: [...new Set(value.headers)] }),
      ...(value.identity !== undefined && { identity: value.identity }),
      ...(value.expire !== undefined && { expire: value.expire }),
      canonicalization: { header, body },
      from,
    };
    checkIdentity(key, text, here);
    checkTwins(key, keys, text.findings);
    keys.push(key);
  }
  return keys;
}

/** RFC 6376 §3.5: the domain of i= is that of d= or below it. */
function checkIdentity({ domain, identity }: DkimKey, text: SettingsText, here: readonly (string | number)[]): void {
  if (identity === undefined) return;
  const said = identity.slice(identity.lastIndexOf('@') + 1).toLowerCase();
  if (said === '{domain}' || said.endsWith('.{domain}')) return;
  if (!domain.startsWith('*') && (said === domain || said.endsWith(`.${domain}`))) return;
  text.findings.fault(text.yaml.place([...here, 'identity']), {
    code: 'bad-identity',
    what: `identity ${identity} is not within ${domain}: no verifier would accept the signature`,
    allowed: domain.startsWith('*') ? '@{domain}, since each domain signs for itself' : `@${domain}, or a name below it`,
  });
}

function checkTwins(key: DkimKey, before: readonly DkimKey[], findings: Findings): void {
  const same = before.filter(({ domain }) => domain === key.domain);
  if (same.some(({ selector: other }) => other === key.selector))
    findings.fault(key.from, { code: 'duplicate-key', what: `${key.domain} has a key with the selector ${key.selector} already` });
  else if (same.length === MOST_KEYS)
    findings.fault(key.from, {
      code: 'too-many-keys',
      what: `${key.domain} has ${MOST_KEYS} keys already: ${same.map(other => printable(other.selector)).join(', ')}`,
      allowed: `${MOST_KEYS} signatures on a message`,
    });
}

/** A signature must outlive the mail: receivers look at x= when the message comes, which may be at the end of bounce-after. */
export function lintDkim(settings: Settings, yaml: YamlText, findings: Findings): void {
  const longest = settings.defaults.bounceAfter?.value ?? 4.5 * DAY;
  (settings.dkim ?? []).forEach(({ expire, domain }, i) => {
    if (expire !== undefined && expire < longest)
      findings.warn(yaml.place(['dkim', i, 'expire']), {
        code: 'short-expire',
        what: `signatures of ${domain} expire before the mail does: a message may leave up to bounce-after later`,
        hint: 'say a longer time, or leave expire out',
      });
  });
  const keyless = (settings.dkim ?? []).length === 0;
  const required = [...settings.pools.values()].find(pool => pool.dkimSign === 'required')?.from;
  const client = settings.clients.find(({ dkimSign: said }) => said === 'required')?.place;
  const place = required ?? client;
  if (keyless && place)
    findings.warn(place, { code: 'no-keys', what: 'dkim-sign: required, and there are no keys under dkim: all this mail is refused' });
}
