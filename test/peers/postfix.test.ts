/**
 * rampd delivers to a real Postfix, and a real Postfix's replies are understood.
 */
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idOf, inject } from '../e2e/inject.js';
import { freePort, until, World, zones } from '../e2e/world.js';
import { noPostfix, Postfix } from './postfix.js';
import { hasSmtpSource, smtpSource } from './clients.js';

describe.skipIf(noPostfix !== undefined)(`Postfix as receiver${noPostfix ? ` (SKIPPED: ${noPostfix})` : ''}`, () => {
  let w: World;
  let postfix: Postfix;
  let screened: Postfix;

  beforeAll(async () => {
    w = new World();
    w.smtpPort = await freePort();
    const receiver = Postfix.start({
      address: '127.0.2.40',
      port: w.smtpPort,
      domain: 'peer.example',
      users: ['ann', 'bob', 'cy', 'dan', 'news'],
      maxSize: 200_000,
      // More than that in a minute from one address is too much, but not for the first source.
      more: 'smtpd_client_message_rate_limit = 3\nsmtpd_client_event_limit_exceptions = 127.0.1.41',
    });
    const screener = Postfix.start({
      address: '127.0.2.41',
      port: w.smtpPort,
      domain: 'screened.example',
      users: ['ann', 'bob'],
      maxSize: 200_000,
      tls: 'none',
      screened: true,
    });
    [postfix, screened] = await Promise.all([receiver, screener]);
    await w.prepare({
      zones: zones(
        { 'peer.example': 'mx.peer.example', 'screened.example': 'mx.screened.example' },
        { 'mx.peer.example': '127.0.2.40', 'mx.screened.example': '127.0.2.41' },
      ),
      config: `
clients: [{ from: ["127.0.0.0/8"], pool: one, allow-headers: true }]
sources:
  one: { address: 127.0.1.41, host-name: one.test.example, warm-up: none }
  two: { address: 127.0.1.42, host-name: two.test.example, warm-up: none }
pools:
  one: { sources: [one] }
  two: { sources: [two] }
  both: { sources: [one, two] }
`,
    });
    await w.start();
  });
  afterAll(async () => {
    await w?.stop();
    await postfix?.stop();
    await screened?.stop();
  });

  const send = async (to: readonly string[], size?: number): Promise<string> =>
    idOf((await inject(w.listenPort, { from: 'news@peer.example', to, ...(size === undefined ? {} : { size }) }))[0]);
  const notified = (): number => postfix.delivered.filter(r => r === 'news@peer.example').length;

  it('gets mail over TLS, from the source’s address and name, one transaction for all recipients', async () => {
    await send(['ann@peer.example', 'bob@peer.example']);
    await until(
      () => postfix.delivered,
      list => list.length === 2,
    );
    expect([...postfix.delivered].sort()).toEqual(['ann@peer.example', 'bob@peer.example']);
    expect(postfix.log).toMatch(/TLS connection established from .*127\.0\.1\.41.*: TLSv1\.[23]/);
    expect(postfix.log).toMatch(/nrcpt=2/);
  });

  it('refuses an unknown user: bounced, the others delivered, and the notification comes back to it', async () => {
    await send(['cy@peer.example', 'nobody@peer.example']);
    await until(notified, n => n === 1);
    expect(postfix.delivered).toContain('cy@peer.example');
    expect(postfix.log).toMatch(/from=<>, size=/);
    await until(
      () => w.status(),
      ({ totals }) => totals.bounced === 1,
    );
  });

  it('announces its size, and what is larger is bounced without a byte of it being sent', async () => {
    await send(['ann@peer.example'], 300_000);
    await until(notified, n => n === 2);
    // A notice is handed in before its recipient's outcome is committed.
    await until(
      () => w.status(),
      ({ totals }) => totals.bounced === 2,
    );
    expect(postfix.log).not.toMatch(/size limit/i);
  });

  it('says when it is too much, which defers the mail and bounces none', async () => {
    const { bounced, deferred } = (await w.status()).totals;
    await inject(
      w.listenPort,
      ...Array.from({ length: 5 }, () => ({ from: 'news@peer.example', to: ['ann@peer.example'], headers: ['X-Pool: two'] })),
    );
    const status = await until(
      () => w.status(),
      s => s.totals.deferred > deferred,
    );
    expect(status.totals.bounced).toBe(bounced);
    const waiting = await w.client.messages({ queue: 'peer.example@two' });
    const last = waiting.flatMap(m => m.recipients.map(r => r.last)).find(r => r !== undefined);
    expect(last).toMatchObject({ class: 'throttle.rate' });
    expect(last?.reply).toMatch(/^450 4\.7\.1 Error: too much mail from 127\.0\.1\.42/);
  });

  it('screens its clients: the source it has seen comes back over another connection, and is let in', async () => {
    const to = ['ann@screened.example', 'bob@screened.example'];
    const id = idOf((await inject(w.listenPort, { from: 'news@peer.example', to, headers: ['X-Pool: both'] }))[0]);
    const [message] = await until(
      () => w.client.messages({ queue: 'screened.example@both' }),
      list => list[0]?.recipients.every(r => r.last !== undefined) === true,
    );
    expect(message?.id).toBe(id);
    for (const { last } of message?.recipients ?? []) {
      expect(last).toMatchObject({ class: 'greylist' });
      expect(last?.reply).toBe('450 4.3.2 Service currently unavailable');
    }
    const [seen] = message?.recipients.map(r => r.last?.source) ?? [];
    const lane = await until(
      async () => (await w.status()).lanes.find(l => l.provider === 'mx.screened.example' && l.source === seen),
      l => l?.connections === 0,
    );
    expect(lane).toMatchObject({ windows: [], verdict: { go: true } });
    // Postfix knows it once it has hung up.
    await until(
      () => screened.log,
      log => log.includes('PASS NEW'),
    );
    expect(await w.client.retry('screened.example@both', { author: 'ann' })).toBe(2);
    await until(
      () => screened.delivered,
      list => list.length === 2,
    );
    expect([...screened.delivered].sort()).toEqual(to);
    const refused = /NOQUEUE: reject: RCPT from \[([\d.]+)\]/.exec(screened.log)?.[1];
    expect([...screened.log.matchAll(/ client=unknown\[([\d.]+)\]/g)].map(m => m[1])).toEqual([refused]);
  });

  it('is told who wants to know, and tells it itself: no notice by rampd', async () => {
    const before = { notices: notified(), accepted: (await w.status()).totals.accepted };
    await sendAsking('ann@peer.example', ['SUCCESS']);
    await sendAsking('bob@peer.example', ['NEVER']);
    await until(notified, n => n === before.notices + 1);
    expect(postfix.log.match(/sender delivery status notification/g)).toHaveLength(1);
    expect((await w.status()).totals.accepted).toBe(before.accepted + 2);
  });

  async function sendAsking(to: string, notify: string[]): Promise<void> {
    const connection = new SMTPConnection({
      host: '127.0.0.1',
      port: w.listenPort,
      name: 'c.example',
      ignoreTLS: true,
      socketCloseTimeout: 0,
    });
    connection.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => connection.connect(e => (e ? reject(e) : resolve())));
    const envelope = { from: 'news@peer.example', to: [to], dsn: { notify, envid: 'q+1', orcpt: `rfc822;${to}`, ret: 'HDRS' as const } };
    await new Promise<void>((resolve, reject) => connection.send(envelope, 'Subject: x\r\n\r\nx\r\n', e => (e ? reject(e) : resolve())));
    connection.close();
  }

  it.skipIf(!hasSmtpSource)('takes all that smtp-source hands to rampd', async () => {
    await smtpSource(w.listenPort, { messages: 100, sessions: 10, size: 4_000, from: 'news@peer.example', to: 'dan@peer.example' });
    await until(
      () => postfix.delivered.filter(r => r === 'dan@peer.example').length,
      n => n === 100,
    );
    await until(
      () => w.status(),
      s => s.queues.every(q => q.pool !== 'one'),
    );
  });
});
