/**
 * Mail that went in over SMTP and came out at a receiver, signed with RSA and Ed25519: two verifiers of other makes accept it as
 * it arrived, with the keys from the DNS, and refuse it when it is changed.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordName, recordText } from '../../src/accept/dkim-record.js';
import { Wire } from '../accept/dialogue.js';
import { until, World, zones } from '../e2e/world.js';
import { dkimpy, hasDkimpy, hasOpendkim, opendkim } from './dkim.js';

let w: World;
let wire: Wire;
const arrived: Buffer[] = [];

const make = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ed: () => generateKeyPairSync('ed25519').privateKey,
};

/** Writes the key and publishes it. */
function issue(selector: string, domain: string, key: KeyObject): void {
  writeFileSync(join(w.dir, `${selector}.${domain}.pem`), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  w.dns.set(recordName(selector, domain), { txt: [recordText(key)] });
}

beforeAll(async () => {
  w = new World();
  await w.receiver({
    host: '127.0.2.61',
    hostName: 'mx.a.example',
    keepContent: true,
    onMessage: (_peer, message, accepted) => void (accepted && message.content && arrived.push(message.content)),
  });
  await w.receiver({
    host: '127.0.2.62',
    hostName: 'mx.old.example',
    keepContent: true,
    policy: { onHelo: () => ({ reply: '250-mx.old.example\n250 PIPELINING' }) },
    onMessage: (_peer, message, accepted) => void (accepted && message.content && arrived.push(message.content)),
  });
  await w.prepare({
    zones: {
      ...zones(
        { 'a.example': 'mx.a.example', 'old.example': 'mx.old.example' },
        { 'mx.a.example': '127.0.2.61', 'mx.old.example': '127.0.2.62' },
      ),
      'nomail.example': { mx: null },
    },
    config: `
clients: [{ from: [127.0.0.1], pool: main }]
sources: { hot: { address: 127.0.1.61, host-name: hot.test.example, warm-up: none } }
pools: { main: { sources: [hot] } }
dkim:
  - { domain: news.example, selector: s1, key: s1.news.example.pem }
  - { domain: news.example, selector: e1, key: e1.news.example.pem }
  - { domain: plain.example, selector: s1, key: s1.plain.example.pem, canonicalization: simple/simple }
  - { domain: plain.example, selector: e1, key: e1.plain.example.pem, canonicalization: relaxed/simple, expire: 10d, identity: "@plain.example" }
  - { domain: "*", selector: s1, key: "{selector}.{domain}.pem" }
`,
  });
  for (const domain of ['news.example', 'plain.example']) {
    issue('s1', domain, make.rsa());
    issue('e1', domain, make.ed());
  }
  for (const domain of ['customer.example', 'mta.test.example']) issue('s1', domain, make.rsa());
  await w.start();
  wire = await Wire.open(w.listenPort);
  await wire.reply();
  await wire.ask('EHLO app.example.com');
});
afterAll(async () => {
  wire.destroy();
  await w.stop();
});

/** Hands a message in and returns it as the receiver got it. */
async function through(message: string, to = 'b@a.example'): Promise<Buffer> {
  const before = arrived.length;
  await wire.say('MAIL FROM:<bounce@elsewhere.example> BODY=8BITMIME', `RCPT TO:<${to}>`, 'DATA');
  expect(await wire.ask(`${message.replaceAll('\n', '\r\n').replace(/^\./gm, '..')}\r\n.`)).toMatch(/^250/);
  await until(
    () => arrived.length,
    n => n > before,
  );
  return arrived[before] as Buffer;
}

const HEADER = 'To: b@a.example\nDate: Mon, 20 Nov 2023 12:00:00 +0000\nMessage-ID: <1@news.example>\nMIME-Version: 1.0\n';
const MESSAGES: readonly (readonly [string, string])[] = [
  ['with a text', `${HEADER}Subject: hello\n\nHello  world \t\n\n.dot\n\n\n`],
  ['without a body', `${HEADER}Subject: empty\n\n`],
  [
    'with folded fields and a list',
    `${HEADER}Subject: a\n\tfolded   one\nList-Unsubscribe: <https://x.example/u>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nx`,
  ],
  [
    'with characters beyond ASCII',
    `${HEADER}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nSubject: caf\u00e9\n\nJ\u00fcrgen \u2713\n`,
  ],
  ['of 200 KB', `${HEADER}Subject: long\n\n${'Lorem ipsum  dolor sit amet, consectetur\n'.repeat(5_000)}`],
  ['with almost no header', 'X-Mine: 1\n\nbody\n'],
];

const VERIFIERS = [
  { name: 'opendkim', there: hasOpendkim, verify: (m: Buffer) => opendkim(m, w.dns.address, w.dir) },
  { name: 'dkimpy', there: hasDkimpy, verify: (m: Buffer) => dkimpy(m, w.dns.address) },
];

describe.each(VERIFIERS)('$name', ({ name, there, verify }) => {
  const skipped = there ? '' : ` (SKIPPED: ${name} is not installed)`;

  describe.skipIf(!there).each(['news.example', 'plain.example'])(`accepts both signatures of %s${skipped}`, domain => {
    it.each(MESSAGES)('on a message %s', async (_what, text) => {
      expect(await verify(await through(`From: Ann <ann@${domain}>\n${text}`))).toEqual(['s1 pass', 'e1 pass']);
    });
  });

  it.skipIf(!there)(`accepts both signatures where 8-bit mail was encoded anew for a receiver without 8BITMIME${skipped}`, async () => {
    const fields = `${HEADER}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nSubject: x\n`;
    const message = await through(`From: Ann <ann@news.example>\n${fields}\nJ\u00fcrgen, and  more text than that \n`, 'b@old.example');
    expect(message.toString('latin1')).toMatch(
      /\r\nContent-Transfer-Encoding: quoted-printable\r\n[^]*\r\n\r\nJ=C3=BCrgen, and {2}more text/,
    );
    expect(message.every(byte => byte < 128)).toBe(true);
    expect(await verify(message)).toEqual(['s1 pass', 'e1 pass']);
    const changed = Buffer.from(message.toString('latin1').replace('=C3=BC', '=C3=A4'), 'latin1');
    expect((await verify(changed)).filter(verdict => verdict.endsWith('pass'))).toEqual([]);
  });

  it.skipIf(!there)(`refuses what was changed on the way, or has no key${skipped}`, async () => {
    const message = (await through(`From: Ann <ann@news.example>\n${MESSAGES[0]?.[1] ?? ''}`)).toString('latin1');
    const changed = [
      message.replace('world', 'World'),
      message.replace('Subject: hello', 'Subject: Hello'),
      `Reply-To: x@evil.example\r\n${message}`,
    ];
    for (const text of changed) {
      expect(text).not.toBe(message);
      const verdicts = await verify(Buffer.from(text, 'latin1'));
      expect(verdicts.map(verdict => verdict.split(' ')[0])).toEqual(['s1', 'e1']);
      expect(verdicts.filter(verdict => verdict.endsWith('pass'))).toEqual([]);
    }
  });

  it.skipIf(!there)(`accepts a customer's own key, found by its domain${skipped}`, async () => {
    expect(await verify(await through('From: Ann <ann@customer.example>\nSubject: x\n\nbody\n'))).toEqual(['s1 pass']);
  });
});

describe.skipIf(!hasDkimpy)(`a notice of failure${hasDkimpy ? '' : ' (SKIPPED: dkimpy is not installed)'}`, () => {
  it('is signed by the domain it comes from', async () => {
    const before = arrived.length;
    await wire.say('MAIL FROM:<ann@a.example>', 'RCPT TO:<b@nomail.example>', 'DATA');
    expect(await wire.ask('From: Ann <ann@a.example>\r\n\r\nbody\r\n.')).toMatch(/^250/);
    await until(
      () => arrived.length,
      n => n > before,
    );
    const notice = arrived[before] as Buffer;
    expect(notice.toString()).toMatch(/^From: .*@mta\.test\.example/m);
    expect(await dkimpy(notice, w.dns.address)).toEqual(['s1 pass']);
  });
});

it('a signature of others is not touched: 8-bit mail that carries one bounces where 8BITMIME is missing', async () => {
  const before = arrived.length;
  const foreign = 'DKIM-Signature: v=1; a=rsa-sha256; d=news.example; s=s1; h=from; bh=x; b=y\n';
  // The notice is what arrives.
  const text = `${foreign}From: Ann <ann@news.example>\n\nJ\u00fcrgen\n`.replaceAll('\n', '\r\n');
  await wire.say('MAIL FROM:<ann@a.example> BODY=8BITMIME', 'RCPT TO:<b@old.example>', 'DATA');
  expect(await wire.ask(`${text}.`)).toMatch(/^250/);
  await until(
    () => arrived.length,
    n => n > before,
  );
  expect(arrived[before]?.toString()).toMatch(/^Status: 5\.6\.3\r$/m);
});

describe.skipIf(!hasDkimpy)(`a reload${hasDkimpy ? '' : ' (SKIPPED: dkimpy is not installed)'}`, () => {
  const mail = 'From: Ann <ann@news.example>\nSubject: x\n\nbody\n';

  it('with a broken key is refused and signs on; with a new key it signs with that', async () => {
    const file = join(w.dir, 's1.news.example.pem');
    writeFileSync(file, 'no key');
    const refused = await w.run('reload', '-c', w.file);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/rampd\.yaml:\d+:5: the key .*s1\.news\.example\.pem holds no private key/);
    expect(await dkimpy(await through(mail), w.dns.address)).toEqual(['s1 pass', 'e1 pass']);
    issue('s1', 'news.example', make.rsa());
    expect((await w.run('reload', '-c', w.file)).code).toBe(0);
    expect(await dkimpy(await through(mail), w.dns.address)).toEqual(['s1 pass', 'e1 pass']);
  });
});
