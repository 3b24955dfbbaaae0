/**
 * Clients that others wrote: what they say is understood, and what rampd answers is what they expect.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, until, World, zones } from '../e2e/world.js';
import { hasSmtpSource, hasSwaks, smtpSource, swaks } from './clients.js';

let w: World;
let tlsPort: number;
const taken: string[] = [];
const hasOpenssl = existsSync('/usr/bin/openssl');

beforeAll(async () => {
  w = new World();
  tlsPort = await freePort();
  const [cert, key] = [join(w.dir, 'cert.pem'), join(w.dir, 'key.pem')];
  if (hasOpenssl) {
    const names = ['-subj', '/CN=mta.test.example', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...names], { stdio: 'ignore' });
  }
  await w.receiver({
    host: '127.0.2.41',
    hostName: 'mx.a.example',
    onMessage: (peer, _m, ok) => void (ok && taken.push(...peer.recipients)),
  });
  await w.prepare({
    zones: zones({ 'a.example': 'mx.a.example' }, { 'mx.a.example': '127.0.2.41' }),
    config: `
clients:
  - { from: [127.0.0.1], pool: main }
  - { user: app1, password: open-sesame, pool: main }
max-message-size: 100KB
max-recipients: 3
sources:
  hot: { address: 127.0.1.43, host-name: hot.test.example, warm-up: none }
pools:
  main: { sources: [hot] }
`,
    listeners: hasOpenssl ? [`{ address: "127.0.2.42:${tlsPort}", tls: { cert: ${cert}, key: ${key}, mode: starttls } }`] : [],
  });
  await w.start();
});
afterAll(() => w.stop());

const arrives = (recipient: string, copies = 1): Promise<number> =>
  until(
    () => taken.filter(r => r === recipient).length,
    n => n === copies,
  );

describe.skipIf(!hasSmtpSource)(`smtp-source${hasSmtpSource ? '' : ' (SKIPPED: Postfix is not installed)'}`, () => {
  it('hands in 120 messages over ten sessions, and all arrive', async () => {
    await smtpSource(w.listenPort, { messages: 120, sessions: 10, size: 2_000, from: 'news@sender.example', to: 'bulk@a.example' });
    await arrives('bulk@a.example', 120);
  });
});

describe.skipIf(!hasSwaks)(`swaks${hasSwaks ? '' : ' (SKIPPED: swaks is not installed)'}`, () => {
  const mail = (to: string): string[] => ['--from', 'news@sender.example', '--to', to];

  it('hands in a message', async () => {
    const { code, dialogue } = await swaks(w.listenPort, ...mail('plain@a.example'));
    expect(code).toBe(0);
    expect(dialogue).toMatch(/250 2\.0\.0 Ok: queued as 00-[0-9a-f]{10}/);
    await arrives('plain@a.example');
  });

  it('pipelines', async () => {
    const { code, dialogue } = await swaks(w.listenPort, '--pipeline', ...mail('piped@a.example'));
    expect({ code, dialogue }).toMatchObject({ code: 0 });
    await arrives('piped@a.example');
  });

  it.skipIf(!hasOpenssl)('needs a password from elsewhere, and may say it only under TLS', async () => {
    const elsewhere = ['--server', `127.0.2.42:${tlsPort}`, '--local-interface', '127.0.3.3'];
    const login = ['--auth', 'PLAIN', '--auth-user', 'app1', '--auth-password'];
    const stranger = await swaks(tlsPort, ...elsewhere, ...mail('stranger@a.example'));
    expect(stranger.code).not.toBe(0);
    expect(stranger.dialogue).toMatch(/^<\*\* 5\d\d /m);
    const clear = await swaks(tlsPort, ...elsewhere, ...login, 'open-sesame', ...mail('clear@a.example'));
    expect(clear.code).not.toBe(0);
    expect(clear.dialogue).not.toMatch(/^ -> AUTH/m);
    const wrong = await swaks(tlsPort, ...elsewhere, '--tls', ...login, 'guess', ...mail('wrong@a.example'));
    expect(wrong.code).not.toBe(0);
    expect(wrong.dialogue).toMatch(/^<~\* 535 /m);
    const right = await swaks(tlsPort, ...elsewhere, '--tls', ...login, 'open-sesame', ...mail('right@a.example'));
    expect(right).toMatchObject({ code: 0 });
    await arrives('right@a.example');
    expect(taken.filter(r => /^(stranger|clear|wrong)@/.test(r))).toEqual([]);
  });

  it('is told at once what is too large and who are too many', async () => {
    const body = join(w.dir, 'large.txt');
    writeFileSync(body, `${'x'.repeat(76)}\n`.repeat(2_000));
    const large = await swaks(w.listenPort, ...mail('large@a.example'), '--suppress-data', '--body', `@${body}`);
    expect(large.code).not.toBe(0);
    expect(large.dialogue).toMatch(/^<\*\* 552 /m);
    const many = await swaks(w.listenPort, ...mail('a@a.example,b@a.example,c@a.example,d@a.example'));
    expect(many.dialogue).toMatch(/^<\*\* 452 /m);
    await arrives('c@a.example');
    expect(taken).not.toContain('d@a.example');
  });
});
