/** Mail handed in over SMTP is stored with its signatures in front of it, or refused where it must be signed and is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DkimKey } from '../../src/kernel/settings.js';
import { Wire } from './dialogue.js';
import { ed25519Of, entry, holds, pemOf, rsaKey, RFC_SEED, tagsOf } from './dkim-kit.js';
import { bench, client, settings, type Bench } from './kit.js';

const dir = mkdtempSync(join(tmpdir(), 'rampd-dkim-'));
const rsa = rsaKey();
const edwards = ed25519Of(RFC_SEED);
writeFileSync(join(dir, 'rsa.pem'), pemOf(rsa), { mode: 0o600 });
writeFileSync(join(dir, 'ed.pem'), pemOf(edwards), { mode: 0o600 });
const RSA = entry({ key: join(dir, 'rsa.pem') });
const ED = entry({ key: join(dir, 'ed.pem'), selector: 'e1' });

let server: Bench;
let wire: Wire;
beforeAll(async () => {
  server = await bench();
  wire = await Wire.open(server.port);
  await wire.reply();
  await wire.ask('EHLO app.example.com');
});
afterEach(() => {
  server.stored.length = 0;
});
afterAll(async () => {
  wire.destroy();
  await server.stop();
  rmSync(dir, { recursive: true });
});

async function hand(
  message: string,
  dkim: readonly DkimKey[],
  { sign, from = 'a@example.com' }: { sign?: boolean | 'required'; from?: string } = {},
): Promise<{ reply: string; fields: string[]; message: string }> {
  server.settings = settings({ dkim, clients: [client(sign === undefined ? {} : { dkimSign: sign })] });
  server.signer.prepare(server.settings).apply();
  await wire.say(`MAIL FROM:<${from}>`, 'RCPT TO:<b@example.net>', 'DATA');
  const reply = await wire.ask(`${message.replaceAll('\n', '\r\n')}\r\n.`);
  if (reply.startsWith('5')) await wire.ask('RSET');
  const content = server.stored[0]?.content ?? '';
  const fields = content.match(/^DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*/gm) ?? [];
  return { reply, fields, message: fields.reduce((rest, field) => rest.replace(field, ''), content) };
}

const MAIL = 'From: Ann <ann@example.com>\nTo: b@example.net\nSubject: x\nX-Job: secret\n\nbody  \n\n\n';

describe('a message from a domain with keys', () => {
  it('is signed once with each', async () => {
    const { reply, fields, message } = await hand(MAIL, [RSA, ED]);
    expect(reply).toMatch(/^250/);
    expect(server.stored[0]?.envelope.signed).toBe(2);
    expect(fields.map(field => tagsOf(field).a)).toEqual(['rsa-sha256', 'ed25519-sha256']);
    expect(holds(fields[0] ?? '', message, rsa)).toBe(true);
    expect(holds(fields[1] ?? '', message, edwards)).toBe(true);
    expect(holds(fields[0] ?? '', message, rsaKey(1024))).toBe(false);
    expect(tagsOf(fields[0] ?? '')).toMatchObject({ v: '1', d: 'example.com', s: 's1', t: '1700481600' });
    // Signed is what was added here too; Received never is.
    expect(tagsOf(fields[0] ?? '').h?.split(':')).toEqual(expect.arrayContaining(['date', 'message-id']));
    expect(tagsOf(fields[0] ?? '').h).not.toMatch(/received|x-job/);
  });

  it('is sealed: another From, To, Subject, Reply-To or Cc breaks the signature', async () => {
    const { fields, message } = await hand(MAIL, [RSA]);
    for (const name of ['From', 'To', 'Subject', 'Reply-To', 'Cc', 'Content-Type', 'Date'])
      expect(holds(fields[0] ?? '', `${name}: other\r\n${message}`, rsa), name).toBe(false);
    expect(holds(fields[0] ?? '', `Received: by other\r\nList-Id: <l.example>\r\n${message}`, rsa)).toBe(true);
  });

  it('is not signed where the client says so', async () => {
    expect((await hand(MAIL, [RSA], { sign: false })).fields).toEqual([]);
    expect(server.stored[0]?.envelope).not.toHaveProperty('signed');
  });

  it('is not signed when it is from nobody, from two, or from two domains, and is taken nevertheless', async () => {
    for (const from of ['', 'From: a@example.com\nFrom: b@example.com\n', 'From: a@example.com, b@example.org\n']) {
      const { reply, fields } = await hand(`${from}Subject: x\n\nbody\n`, [RSA]);
      expect({ from, reply: reply.slice(0, 3), fields }).toEqual({ from, reply: '250', fields: [] });
      server.stored.length = 0;
    }
  });
});

describe('whose key signs', () => {
  it.each([
    ['its own', 'news.example.com', ['*.example.com', 'example.com', 'news.example.com'], 'news.example.com'],
    ['the wildcard above it', 'news.example.com', ['*', 'example.com', '*.example.com'], 'news.example.com'],
    ['the parent', 'a.news.example.com', ['*', 'example.com'], 'example.com'],
    ['the nearest parent', 'a.news.example.com', ['*.example.com', 'news.example.com'], 'news.example.com'],
    ['anybody', 'example.org', ['*', 'example.com'], 'example.org'],
    ['the sender', 'example.org', ['example.com'], 'example.com'],
  ])('%s', async (_what, from, keys, signing) => {
    const { fields } = await hand(
      `From: a@${from}\n\nbody\n`,
      keys.map(domain => ({ ...RSA, domain })),
    );
    expect(fields.map(field => tagsOf(field).d)).toEqual([signing]);
  });

  it('nobody, where there is none for the From field and none for the sender', async () => {
    const { reply, fields } = await hand('From: a@example.org\n\nbody\n', [RSA], { from: 'a@notexample.com' });
    expect({ reply: reply.slice(0, 3), fields }).toEqual({ reply: '250', fields: [] });
  });
});

describe('dkim-sign: required', () => {
  it('refuses what has no key, and takes what has', async () => {
    const { reply } = await hand('From: a@example.org\n\nbody\n', [RSA], { sign: 'required', from: 'a@example.org' });
    expect(reply).toBe('550 5.7.20 Mail must be signed here, and there is no DKIM key for example.org');
    expect(server.stored).toEqual([]);
    expect((await hand(MAIL, [RSA], { sign: 'required' })).fields).toHaveLength(1);
  });

  it('refuses what has no From field', async () => {
    expect((await hand('Subject: x\n\nbody\n', [RSA], { sign: 'required' })).reply).toBe(
      '550 5.7.20 Mail must be signed here, and there is no From field',
    );
  });
});
