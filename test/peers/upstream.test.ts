/**
 * A Postfix that hands rampd its queue: what it took arrives once, octet by octet, with what the sender asked to be told.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Wire } from '../accept/dialogue.js';
import { freePort, until, World, zones } from '../e2e/world.js';
import { noPostfix, Postfix } from './postfix.js';

describe.skipIf(noPostfix !== undefined)(`Postfix as client${noPostfix ? ` (SKIPPED: ${noPostfix})` : ''}`, () => {
  const w = new World();
  const taken: { recipients: readonly string[]; text: string }[] = [];
  let postfix: Postfix | undefined;
  const port = freePort();

  beforeAll(async () => {
    await w.receiver({
      host: '127.0.2.113',
      hostName: 'mx.a.example',
      keepContent: true,
      policy: { onRcpt: (_peer, recipient) => (recipient.startsWith('no-') ? { reply: '550 5.1.1 User unknown' } : undefined) },
      onMessage: (peer, m, ok) => void (ok && taken.push({ recipients: [...peer.recipients], text: m.content?.toString('utf8') ?? '' })),
    });
    await w.prepare({
      zones: zones(
        { 'a.example': 'mx.a.example', 'peer.example': 'mx.peer.example' },
        { 'mx.a.example': '127.0.2.113', 'mx.peer.example': '127.0.2.112' },
      ),
      config: `
clients: [{ from: [127.0.0.1], pool: main }]
sources: { hot: { address: 127.0.1.112, host-name: hot.test.example, warm-up: none } }
pools: { main: { sources: [hot] } }
providers: { peer: { domains: [peer.example], smtp-hosts: ["127.0.2.112:${await port}"] } }
`,
    });
    postfix = await Postfix.start({
      address: '127.0.2.112',
      port: await port,
      domain: 'peer.example',
      users: ['news'],
      maxSize: 1_000_000,
      keep: true,
      relayTo: w.listenPort,
    });
  });
  afterAll(async () => {
    await w.stop();
    await postfix?.stop();
  });

  async function hand(from: string, to: string, text: string, words = ''): Promise<void> {
    const wire = await Wire.open(await port, { host: '127.0.2.112' });
    await wire.reply();
    await wire.ask('EHLO app.example.com');
    await wire.say(`MAIL FROM:<${from}> BODY=8BITMIME`, `RCPT TO:<${to}>${words}`, 'DATA');
    expect(await wire.ask(`${text.replace(/^\./gm, '..')}\r\n.`)).toMatch(/250 2\.0\.0 Ok/);
    wire.destroy();
  }

  it('hands over all it had queued while there was no rampd', async () => {
    const many = Array.from({ length: 30 }, (_, i) => `r${i}@a.example`);
    await Promise.all(many.map(to => hand('news@peer.example', to, 'From: news@peer.example\r\nSubject: x\r\n\r\nbody')));
    const body = ['.', '..dots', 'caf\u00e9 \u2713', '\ttab ', 'x'.repeat(990), 'end'].join('\r\n');
    const type = 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit';
    await hand('news@peer.example', 'eight@a.example', `From: news@peer.example\r\n${type}\r\n\r\n${body}`);
    await until(
      () => postfix?.log.match(/ status=deferred /g)?.length,
      n => n === 31,
    );
    await w.start();
    await postfix?.flush();
    await until(
      () => taken.length,
      n => n === 31,
    );
    expect(taken.flatMap(t => t.recipients).sort()).toEqual([...many, 'eight@a.example'].sort());
    const eight = taken.find(t => t.recipients.includes('eight@a.example'))?.text ?? '';
    expect(eight.slice(eight.indexOf('\r\n\r\n') + 4).trimEnd()).toBe(body);
    // The receiver had the last one before its outcome was committed.
    const { totals } = await until(
      () => w.status(),
      s => s.totals.waiting === 0,
    );
    expect(totals).toMatchObject({ accepted: 31, delivered: 31, deferred: 0, bounced: 0 });
  });

  it('learns of a failure from rampd’s notice, unless the sender wished none', async () => {
    await hand('news@peer.example', 'no-one@a.example', 'From: news@peer.example\r\n\r\nx', ' ORCPT=rfc822;first@elsewhere.example');
    await hand('news@peer.example', 'no-two@a.example', 'From: news@peer.example\r\n\r\nx', ' NOTIFY=NEVER');
    await until(
      () => w.status(),
      s => s.totals.bounced === 2,
    );
    const [notice] = await until(
      () => postfix?.kept ?? [],
      list => list.length > 0,
    );
    expect(notice?.content.toString()).toMatch(
      /^Original-Recipient: rfc822; ?first@elsewhere\.example\nFinal-Recipient: rfc822; ?no-one@a\.example$/m,
    );
    await until(
      async () => (await w.status()).totals.waiting,
      n => n === 0,
    );
    // Three more: two messages, one notice.
    expect((await w.status()).totals.accepted).toBe(34);
  });
});
