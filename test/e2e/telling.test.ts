/**
 * Telling others, with a daemon that is killed under load: files, a webhook over TLS, alerts by webhook and by mail, the
 * reject log. Every outcome reaches the webhook at least once, and every record that comes twice has its id.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { batch, Client, inject } from './inject.js';
import { until, World, zones } from './world.js';

const worlds: World[] = [];
const servers: https.Server[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(w => w.stop()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
});

type Item = Record<string, unknown>;

async function receiver(key: string, cert: string, take: (items: Item[], headers: Record<string, unknown>) => number): Promise<string> {
  const server = https.createServer({ key, cert }, (request, response) => {
    let body = '';
    request.on('data', (c: Buffer) => (body += c.toString()));
    request.on('end', () => {
      const items = body
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Item);
      response.writeHead(take(items, request.headers)).end();
    });
  });
  servers.push(server);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return `https://localhost:${(server.address() as AddressInfo).port}/hook`;
}

it('kill -9 under load: no outcome is missing from file or webhook; alerts and refusals are told', { timeout: 60_000 }, async () => {
  const w = new World();
  worlds.push(w);
  const { key, cert } = makeSelfSigned('localhost', Date.now());
  writeFileSync(join(w.dir, 'ca.pem'), cert);
  writeFileSync(join(w.dir, 'secret'), 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n');
  const hooked: Item[] = [];
  let answered = 0;
  const hook = await receiver(key, cert, (items, headers) => {
    expect(headers['webhook-signature']).toMatch(/^v1,/);
    hooked.push(...items);
    // Now and then it takes the records and fails all the same: they come again.
    return ++answered % 3 === 0 ? 500 : 204;
  });
  const alerted: Item[] = [];
  const alerts = await receiver(key, cert, items => {
    alerted.push(...items);
    return 200;
  });
  const delivered = new Set<string>();
  const mailed: string[] = [];
  let angry = false;
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'outlook-com.olc.protection.outlook.com',
    policy: { onMail: () => (angry ? { reply: '421 RP-001 (X) Unfortunately, some messages were not sent', close: true } : undefined) },
    onMessage(peer) {
      for (const rcpt of peer.recipients) {
        if (rcpt.startsWith('ops@')) mailed.push(rcpt);
        else delivered.add(rcpt);
      }
    },
  });
  const MX = 'outlook-com.olc.protection.outlook.com';
  await w.prepare({
    zones: zones({ 'hotmail.com': MX, 'outlook.com': MX }, { [MX]: '127.0.2.1' }),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none, max-smtp-out: 10 }
  hot-2: { address: 127.0.1.2, host-name: hot-2.test.example, warm-up: none }
pools: { main: { sources: [hot] }, ours: { sources: [hot-2] } }
dsn: { pool: ours }
defaults: { retry-after: 1s, pacing: burst }
accounting:
  - { file: acct.csv }
  - { file: acct.ndjson, records: [r, d, w], fields: [rcpt, message, event], max-size: 64K, move-to: done, compress: none }
max-message-size: 100KB
reject-log: { file: reject.csv }
webhooks: { name: crm, url: "${hook}", ca: ca.pem, secret-file: secret, records: [d], fields: [rcpt], batch: 50, every: 100ms }
alerts: { on: [window-opened], mail: ops@outlook.com, webhook: { url: "${alerts}", ca: ca.pem } }
`,
  });
  await w.start();
  const promised: string[] = [];
  let stopped = false;
  const load = (async () => {
    for (let n = 0; !stopped; n++) {
      try {
        const client = await Client.open(w.listenPort);
        for (let i = 0; i < 20 && !stopped; i++) {
          const rcpt = `u${n}-${i}@hotmail.com`;
          await client.send({ from: 'news@sender.example', to: [rcpt] });
          promised.push(rcpt);
        }
        client.close();
      } catch {
        await new Promise(r => setTimeout(r, 10));
      }
    }
  })();
  for (let i = 0; i < 3; i++) {
    const sofar = promised.length;
    await until(
      () => promised.length,
      n => n > sofar + 60,
    );
    await w.end('SIGKILL');
    await w.start();
  }
  stopped = true;
  await load;
  await until(
    () => w.status(),
    s => s.totals.waiting === 0,
  );
  const told = await until(
    () => new Set(hooked.map(item => item.rcpt)),
    rcpts => promised.every(rcpt => rcpts.has(rcpt)),
  );
  expect([...delivered].filter(rcpt => !told.has(rcpt))).toEqual([]);
  // Twice with one id is the webhook's doing; twice with two ids is an attempt that was made twice.
  const ids = new Map<unknown, unknown>();
  for (const item of hooked) {
    expect(ids.get(item.id) ?? item.rcpt).toBe(item.rcpt);
    ids.set(item.id, item.rcpt);
  }
  expect(ids.size).toBeLessThan(hooked.length);
  const csv = readFileSync(join(w.dir, 'acct.csv'), 'utf8');
  expect(promised.filter(rcpt => !csv.includes(`,${rcpt},`))).toEqual([]);

  // A window is told by both ways; what is refused, in the reject log; a test by command.
  angry = true;
  await inject(w.listenPort, ...batch(1, 'late', 'hotmail.com'));
  await until(
    () => alerted.map(a => a.kind),
    kinds => kinds.includes('window-opened'),
  );
  angry = false;
  expect(alerted.find(a => a.kind === 'window-opened')).toMatchObject({ source: 'hot', provider: 'microsoft', host: 'mta.test.example' });
  await expect(inject(w.listenPort, { from: 'big@sender.example', to: ['x@hotmail.com'], size: 200_000 })).rejects.toThrow(/552/);
  const reject = await until(
    () => readFileSync(join(w.dir, 'reject.csv'), 'utf8'),
    text => text.includes('552'),
  );
  expect(reject).toMatch(/,data,127\.0\.0\.1,.*big@sender\.example,.*,552,/);
  const test = await w.run('alert-test', '-c', w.file);
  expect(test.out).toMatch(/a test is on its way to localhost:\d+, ops@outlook\.com/);
  await until(
    () => mailed.length,
    n => n >= 2,
  );
  const status = await w.status();
  expect(status.records?.map(r => r.name.replace(/.*\//, ''))).toEqual([
    'acct.csv',
    'acct.ndjson',
    'reject.csv',
    'crm',
    expect.stringMatching(/^alert-1-localhost-/),
  ]);
  expect(status.records?.every(r => r.lost === 0)).toBe(true);
  const shown = JSON.stringify(await w.client.settings());
  expect(shown).toContain('"url":"https://localhost');
  expect(shown).not.toContain('/hook');
  expect(await w.end('SIGTERM')).toBe(0);
});
