/** Key files: judged when they are read, read again when they change, kept when they become bad. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSigner, Unsignable, type DkimSigner } from '../../src/accept/signer.js';
import { FaultError, printFault } from '../../src/kernel/fault.js';
import type { DkimKey, Settings } from '../../src/kernel/settings.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { ed25519Of, entry, holds, pemOf, RFC_SEED, rsaKey, tagsOf } from './dkim-kit.js';
import { settings, START } from './kit.js';

let dir: string;
let clock: ReturnType<typeof createManualClock>;
let signer: DkimSigner;
let log: string[];
const [first, second] = [rsaKey(), ed25519Of(RFC_SEED)];
const SECOND = 1_000;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-keys-'));
  clock = createManualClock(START);
  log = [];
  const note = (fields: object, text: string) => void log.push(`${text} ${JSON.stringify(fields).replaceAll(dir, '')}`);
  signer = createSigner({ clock, log: { info: note, warn: note, error: note } });
});
afterEach(() => rmSync(dir, { recursive: true }));

let written = 0;
function put(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text, { mode });
  // Two writings within the file system's resolution must differ.
  utimesSync(path, 1_000_000 + ++written, 1_000_000 + written);
  return path;
}
const inForce = (keys: readonly DkimKey[], more: Partial<Settings> = {}): void => signer.prepare(settings({ dkim: keys, ...more })).apply();
const mail = (domain: string) => `From: a@${domain}\r\n\r\nbody\r\n`;
const fieldsFor = async (domain: string, sign?: 'required'): Promise<string[]> =>
  (await signer.sign({ sender: '', pool: 'marketing' }, [Buffer.from(mail(domain))], sign ? { dkimSign: sign } : {})).map(String);

describe('a key', () => {
  const faultsOf = (key: DkimKey): string[] => {
    try {
      return signer.prepare(settings({ dkim: [key] })).warnings.map(printFault);
    } catch (error) {
      return (error as FaultError).faults.map(printFault);
    }
  };
  const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const locked = () => rsaKey(1024).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string;

  it.each([
    ['that is missing', () => join(dir, 'none.pem'), /^rampd\.yaml:9:3: there is no key .*none\.pem; rampd dkim-key makes one/],
    [
      'that is none',
      () => put('a.pem', 'hello'),
      /the key .*a\.pem holds no private key: .*; a PEM file is meant; rampd dkim-key makes one$/,
    ],
    ['with a passphrase', () => put('a.pem', locked()), /is encrypted with a passphrase; the daemon has nobody to ask/],
    ['of another kind', () => put('a.pem', pemOf(ec())), /is a key of the kind ec; DKIM knows RSA and Ed25519/],
    ['that is too short', () => put('a.pem', pemOf(rsaKey(768))), /has 768 bits: receivers take such a signature for none/],
    ['that is short', () => put('a.pem', pemOf(rsaKey(1024))), /^rampd\.yaml:9:3: warning: the key .* has 1024 bits: 2048 are usual/],
    [
      'that everybody may read',
      () => put('a.pem', pemOf(first), 0o644),
      /warning: .* can be read by everybody on this machine; chmod 0600/,
    ],
  ])('%s is named with its place', (_what, make, sentence) => {
    const faults = faultsOf(entry({ key: make() }));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(sentence);
  });

  it('that is good says nothing', () => {
    expect(faultsOf(entry({ key: put('a.pem', pemOf(first), 0o640) }))).toEqual([]);
  });

  it('that is bad leaves what was in force', async () => {
    const path = put('a.pem', pemOf(first));
    inForce([entry({ key: path })]);
    writeFileSync(path, 'no key');
    expect(() => signer.prepare(settings({ dkim: [entry({ key: path })] }))).toThrow(FaultError);
    expect(holds((await fieldsFor('example.com'))[0] ?? '', mail('example.com'), first)).toBe(true);
  });
});

describe('a file that changes', () => {
  it('is read again by the first message after a minute, and not before', async () => {
    const path = put('a.pem', pemOf(first));
    inForce([entry({ key: path })]);
    put('a.pem', pemOf(second));
    clock.advance(59 * SECOND);
    expect(tagsOf((await fieldsFor('example.com'))[0] ?? '').a).toBe('rsa-sha256');
    clock.advance(SECOND);
    const both = await Promise.all([fieldsFor('example.com'), fieldsFor('example.com')]);
    for (const [field = ''] of both) expect(holds(field, mail('example.com'), second)).toBe(true);
    expect(log).toEqual(['a DKIM key was read {"key":"/a.pem","kind":"Ed25519"}']);
  });

  it('for the worse, or goes away, leaves the key in force and is complained of', async () => {
    const path = put('a.pem', pemOf(first));
    inForce([entry({ key: path })]);
    for (const spoil of [() => put('a.pem', 'no key'), () => rmSync(path)]) {
      spoil();
      clock.advance(60 * SECOND);
      expect(await fieldsFor('example.com')).toHaveLength(1);
      expect(log.pop()).toMatch(/^a DKIM key (holds no private key: .*|is not there); the one read before stays in force/);
    }
  });
});

describe('a path with {domain}', () => {
  const wild = (more: Partial<DkimKey> = {}) => entry({ domain: '*', key: join(dir, '{domain}/{selector}.pem'), ...more });

  it('leads to a key of its own for each domain, also one that comes later or goes', async () => {
    put('one.example/s1.pem', pemOf(first));
    inForce([wild()]);
    expect((await fieldsFor('one.example')).map(field => tagsOf(field).d)).toEqual(['one.example']);
    expect(await fieldsFor('two.example')).toEqual([]);
    put('two.example/s1.pem', pemOf(first));
    rmSync(join(dir, 'one.example/s1.pem'));
    expect(await fieldsFor('two.example')).toEqual([]);
    clock.advance(60 * SECOND);
    expect((await fieldsFor('two.example')).map(field => tagsOf(field).d)).toEqual(['two.example']);
    expect(await fieldsFor('one.example')).toEqual([]);
  });

  it('falls back to the parent where its file is missing, and says so once an hour', async () => {
    inForce([wild({ domain: '*.example.com' }), entry({ key: put('parent.pem', pemOf(first)) })]);
    for (const minutes of [0, 5, 56]) {
      clock.advance(minutes * 60 * SECOND);
      expect((await fieldsFor('a.example.com')).map(field => tagsOf(field).d)).toEqual(['example.com']);
    }
    expect(log.filter(line => line.includes('is not there'))).toEqual(
      Array.from({ length: 2 }, () => 'a DKIM key is not there {"domain":"a.example.com","key":"/a.example.com/s1.pem"}'),
    );
  });

  it('that leads to a bad key is no signature, and a refusal for now where it is required', async () => {
    put('one.example/s1.pem', 'no key');
    inForce([wild()]);
    expect(await fieldsFor('one.example')).toEqual([]);
    await expect(fieldsFor('one.example', 'required')).rejects.toEqual(new Unsignable('there is no DKIM key for one.example', true));
    await expect(fieldsFor('two.example', 'required')).rejects.toMatchObject({ temporary: false });
  });

  it('signs with the key that is there when the other is not', async () => {
    put('one.example/s1.pem', pemOf(first));
    inForce([wild(), wild({ selector: 'e1' })]);
    expect((await fieldsFor('one.example')).map(field => tagsOf(field).s)).toEqual(['s1']);
  });
});

describe('a file this account may not read', () => {
  it.skipIf(process.getuid?.() === 0)('is a fault that says whose it must be', () => {
    const path = put('a.pem', pemOf(first));
    chmodSync(path, 0);
    expect(() => inForce([entry({ key: path })])).toThrow(/may not be read by this account; give it to the account the daemon becomes/);
  });
});
