/**
 * A Postfix that verifies DKIM and obeys DMARC takes what rampd signs, and refuses what it does not.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordName, recordText } from '../../src/accept/dkim-record.js';
import { Wire } from '../accept/dialogue.js';
import { freePort, until, World, zones } from '../e2e/world.js';
import { Milters, noMilters } from './milters.js';
import { noPostfix, Postfix } from './postfix.js';

const missing = noPostfix ?? noMilters;

describe.skipIf(missing !== undefined)(`OpenDMARC behind Postfix${missing ? ` (SKIPPED: ${missing})` : ''}`, () => {
  const w = new World();
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const strict = { txt: ['v=DMARC1; p=reject; adkim=s'] };
  let postfix: Postfix | undefined;
  let milters: Milters | undefined;

  beforeAll(async () => {
    w.smtpPort = await freePort();
    milters = await Milters.start('mx.peer.example', {
      [recordName('s1', 'news.example')]: { txt: [recordText(key)] },
      '_dmarc.news.example': strict,
      '_dmarc.unsigned.example': strict,
      'news.example': { a: ['192.0.2.1'] },
      'unsigned.example': { a: ['192.0.2.1'] },
    });
    postfix = await Postfix.start({
      address: '127.0.2.111',
      port: w.smtpPort,
      domain: 'peer.example',
      users: ['ann'],
      maxSize: 1_000_000,
      keep: true,
      more: milters.mainCf,
    });
    writeFileSync(join(w.dir, 's1.pem'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await w.prepare({
      zones: zones({ 'peer.example': 'mx.peer.example' }, { 'mx.peer.example': '127.0.2.111' }),
      config: `
clients: [{ from: [127.0.0.1], pool: main, dsn: none }]
sources: { hot: { address: 127.0.1.111, host-name: hot.test.example, warm-up: none } }
pools: { main: { sources: [hot] } }
dkim: [{ domain: news.example, selector: s1, key: s1.pem }]
`,
    });
    await w.start();
  });
  afterAll(async () => {
    await w.stop();
    await postfix?.stop();
    await milters?.stop();
  });

  async function send(from: string): Promise<void> {
    const wire = await Wire.open(w.listenPort);
    await wire.reply();
    await wire.ask('EHLO app.example.com');
    await wire.say(`MAIL FROM:<bounce@elsewhere.example>`, 'RCPT TO:<ann@peer.example>', 'DATA');
    const header = [`From: Ann <${from}>`, 'To: ann@peer.example', 'Subject: hello', 'Date: Mon, 20 Nov 2023 12:00:00 +0000'];
    expect(await wire.ask(`${[...header, 'Message-ID: <1@news.example>', '', 'body'].join('\r\n')}\r\n.`)).toMatch(/^250/);
    wire.destroy();
  }

  it('takes signed mail, though the envelope is of another domain', async () => {
    await send('ann@news.example');
    const [mail] = await until(
      () => postfix?.kept ?? [],
      list => list.length === 1,
    );
    const text = mail?.content.toString() ?? '';
    expect(text).toMatch(/^Authentication-Results: mx\.peer\.example;\s+dkim=pass .*header\.d=news\.example/m);
    expect(text).toMatch(/^Authentication-Results: mx\.peer\.example; dmarc=pass \(p=reject dis=none\) header\.from=news\.example/m);
  });

  it('refuses what is not signed: it bounces, and the lane is left alone', async () => {
    await send('ann@unsigned.example');
    const { totals, lanes } = await until(
      () => w.status(),
      s => s.totals.bounced + s.totals.deferred > 0,
    );
    expect(totals).toMatchObject({ bounced: 1, deferred: 0 });
    expect(lanes.flatMap(l => l.windows)).toEqual([]);
    expect(postfix?.log).toMatch(/milter-reject: END-OF-MESSAGE from .*5\.7\.1 rejected by DMARC policy for unsigned\.example/);
    expect(postfix?.kept).toHaveLength(1);
  });
});
