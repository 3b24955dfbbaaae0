/** `rampd dkim-key`: a key in a file of mode 0600, a record that belongs to it, and `rampd check` that finds both good. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/program.js';
import { minimal } from '../config/reading.js';
import { fakeIo, type FakeIo } from './fake-io.js';

let cwd: string;
beforeEach(() => void (cwd = mkdtempSync(join(tmpdir(), 'rampd-dkim-key-'))));
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function rampd(...argv: string[]): Promise<FakeIo['written']> {
  const io = fakeIo({ cwd });
  await run(argv, io, '0.0.0');
  return io.written;
}
const keyIn = (file: string) => createPrivateKey(readFileSync(join(cwd, file)));
const published = (out: string): string => [...out.matchAll(/"([^"]*)"/g)].map(match => match[1]).join('');

describe('rampd dkim-key', () => {
  it('makes an RSA key of 2048 bits', async () => {
    const { out, code } = await rampd('dkim-key', 'Example.com', 's1');
    expect(code).toBeUndefined();
    const key = keyIn('s1.example.com.pem');
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(statSync(join(cwd, 's1.example.com.pem')).mode & 0o777).toBe(0o600);
    expect(out).toMatch(/^s1\._domainkey\.example\.com\. IN TXT \($/m);
    const [, p = ''] = /^v=DKIM1; k=rsa; p=(.*)$/.exec(published(out)) ?? [];
    expect(createPublicKey({ key: Buffer.from(p, 'base64'), format: 'der', type: 'spki' }).equals(createPublicKey(key))).toBe(true);
    for (const part of out.matchAll(/"([^"]*)"/g)) expect((part[1] ?? '').length).toBeLessThanOrEqual(255);
  });

  it('makes an Ed25519 key, published bare', async () => {
    const { out } = await rampd('dkim-key', 'example.com', 'e1', '--type', 'ed25519', '--out', 'key.pem');
    const [, p = ''] = /^e1\._domainkey\.example\.com\. IN TXT "v=DKIM1; k=ed25519; p=(.*)"$/m.exec(out) ?? [];
    expect(p).toBe(Buffer.from(createPublicKey(keyIn('key.pem')).export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64'));
  });

  it('never writes over a key', async () => {
    writeFileSync(join(cwd, 's1.example.com.pem'), 'mine');
    const { err, code } = await rampd('dkim-key', 'example.com', 's1');
    expect({ err, code }).toEqual({
      err: 'rampd: s1.example.com.pem is there already: mail may be signed with it; name another file with --out\n',
      code: 2,
    });
    expect(readFileSync(join(cwd, 's1.example.com.pem'), 'utf8')).toBe('mine');
  });

  it.each([
    ['exa mple', 's1'],
    ['example.com', 'a/b'],
    ['../x', 's1'],
  ])('refuses %s %s', async (domain, selector) => {
    expect((await rampd('dkim-key', domain, selector)).code).toBe(2);
  });
});

describe('rampd check', () => {
  const dkim = (key: string) =>
    `dkim:\n  - { domain: example.com, selector: s1, key: ${key} }\n  - { domain: "*", selector: s1, key: "{domain}.pem" }\n`;

  it('says which domains sign, and with what', async () => {
    await rampd('dkim-key', 'example.com', 's1');
    writeFileSync(join(cwd, 'rampd.yaml'), minimal({}, dkim('s1.example.com.pem')));
    expect((await rampd('check')).out.split('\n').filter(line => line.includes('s1'))).toEqual([
      '  dkim       example.com: s1 (RSA 2048)',
      '             *: s1 (a file for each domain)',
    ]);
    expect(JSON.parse((await rampd('check', '--json')).out)).toMatchObject({
      summary: { dkim: [{ domain: 'example.com', keys: ['s1 (RSA 2048)'] }, { domain: '*' }] },
    });
  });

  it('finds a key that is not there', async () => {
    writeFileSync(join(cwd, 'rampd.yaml'), minimal({}, dkim('s1.pem')));
    const { err, code } = await rampd('check');
    expect(err).toContain('rampd.yaml:8:5: there is no key');
    expect(err).toContain('this configuration would not start');
    expect(code).toBe(2);
  });
});
