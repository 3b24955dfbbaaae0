/**
 * Are the keys that sign for a domain published, and are they the ones receivers will find (RFC 6376 §3.6, RFC 8463)?
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { Choices, keyPath } from '../../accept/dkim-choice.js';
import { judgeKey } from '../../accept/dkim-keys.js';
import { recordName, recordText, zoneLines } from '../../accept/dkim-record.js';
import type { CheckView } from '../../control/doctor-view.js';
import type { DkimKey } from '../../kernel/settings.js';
import type { DnsPort } from '../../route/dns.js';
import { check } from './check.js';

/** Throws as the file system does. */
export type ReadFile = (path: string) => Buffer;

/** What signs mail of a domain, and the names it signs with; undefined: nothing does. */
export const signerOf = (domain: string, keys: readonly DkimKey[]) => new Choices(keys).of(domain)[0];

export async function checkDkim(domain: string, keys: readonly DkimKey[], dns: Pick<DnsPort, 'txt'>, read: ReadFile): Promise<CheckView[]> {
  const signer = signerOf(domain, keys);
  if (!signer)
    return [
      check('dkim', 'warn', `nothing signs mail of ${domain}: large receivers demand it`, {
        mend: `rampd dkim-key ${domain} s1 makes a key, and the record for it`,
      }),
    ];
  return Promise.all(signer.keys.map(key => published(key, signer.domain, dns, read)));
}

async function published(key: DkimKey, domain: string, dns: Pick<DnsPort, 'txt'>, read: ReadFile): Promise<CheckView> {
  const name = recordName(key.selector, domain);
  const about = `${key.selector} of ${domain}`;
  const path = keyPath(key, domain);
  let judged: ReturnType<typeof judgeKey>;
  try {
    judged = judgeKey(read(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES')
      return check('dkim', 'unknown', `${path} may not be read by this account`, {
        about,
        mend: 'run rampd doctor as the account of the daemon',
      });
    return check('dkim', 'fail', `the key ${path} cannot be read (${code ?? 'no code'})`, {
      about,
      mend: `rampd dkim-key ${domain} ${key.selector} --out ${path}`,
    });
  }
  if (!judged.ok) return check('dkim', 'fail', `the key ${path} ${judged.why}`, { about, mend: judged.hint });
  const publish = zoneLines(name, recordText(judged.key.object));
  const answer = await dns.txt(name);
  if (answer.kind === 'failed') return check('dkim', 'unknown', `${name}: ${answer.text}`, { about });
  if (answer.kind !== 'found')
    return check('dkim', 'fail', `${name} has no record: every signature fails`, { about, mend: 'publish', publish });
  if (answer.records.length > 1)
    return check('dkim', 'fail', `${name} has ${answer.records.length} records: receivers may take any of them`, {
      about,
      mend: 'keep this one',
      publish,
    });
  const trouble = troubleWith(answer.records[0] ?? '', judged.key.object);
  if (trouble === undefined) return check('dkim', 'ok', `${judged.key.kind}, as published at ${name}`, { about });
  return check('dkim', trouble.state, `${name}: ${trouble.text}`, { about, mend: 'publish instead', publish });
}

/** What keeps a record from verifying signatures of this key. Pure. */
export function troubleWith(record: string, key: KeyObject): { readonly state: 'warn' | 'fail'; readonly text: string } | undefined {
  const tags = new Map<string, string>();
  for (const part of record.split(';')) {
    const eq = part.indexOf('=');
    if (eq > 0) tags.set(part.slice(0, eq).trim(), part.slice(eq + 1).replace(/\s+/g, ''));
  }
  const fail = (text: string) => ({ state: 'fail', text }) as const;
  const edwards = key.asymmetricKeyType === 'ed25519';
  const type = tags.get('k') ?? 'rsa';
  if ((tags.get('v') ?? 'DKIM1') !== 'DKIM1') return fail('it is no DKIM record (v=)');
  const published = tags.get('p');
  if (published === undefined) return fail('it holds no key (p=)');
  if (published === '') return fail('the key is revoked (p= is empty)');
  if (type !== (edwards ? 'ed25519' : 'rsa')) return fail(`it says a key of the kind ${type}`);
  if (!sameKey(published, key, edwards)) return fail('another key is published: every signature fails');
  const hashes = tags.get('h');
  if (hashes !== undefined && !hashes.split(':').includes('sha256')) return fail(`it permits only ${hashes}, and signatures use sha256`);
  const services = tags.get('s');
  if (services !== undefined && !services.split(':').some(s => s === '*' || s === 'email'))
    return fail(`it is not for mail (s=${services})`);
  if ((tags.get('t') ?? '').split(':').includes('y'))
    return { state: 'warn', text: 'it says that the key is tested (t=y): receivers may pass over signatures' };
  return undefined;
}

function sameKey(base64: string, key: KeyObject, edwards: boolean): boolean {
  const open = key.type === 'private' ? createPublicKey(key) : key;
  const bytes = Buffer.from(base64, 'base64');
  if (edwards) return open.export({ type: 'spki', format: 'der' }).subarray(-32).equals(bytes);
  // RFC 6376 §3.6.1 means the bare RSAPublicKey; everybody publishes the SubjectPublicKeyInfo, and both verify.
  return (['spki', 'pkcs1'] as const).some(type => {
    try {
      return createPublicKey({ key: bytes, format: 'der', type }).equals(open);
    } catch {
      return false;
    }
  });
}
