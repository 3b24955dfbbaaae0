/**
 * The suppression list through the built rampd: an outcome puts an address on it, it is refused at RCPT or ended before an
 * attempt, people change it, and every recipient is counted once.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { connectControl } from '../../src/control/client.js';
import { Client, inject } from './inject.js';
import { until, World, zones } from './world.js';

let w: World;
afterEach(() => w.stop());

async function world(suppression: string): Promise<string[]> {
  w = new World();
  const taken: string[] = [];
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.a.example',
    policy: { onRcpt: (_peer, address) => (address.startsWith('gone') ? { reply: '550 5.1.1 no such user here' } : undefined) },
    onMessage: peer => void taken.push(...peer.recipients),
  });
  await w.prepare({
    zones: zones(
      { 'a.example': 'mx.a.example', 's.example': 'mx.a.example', 'other.example': 'mx.a.example' },
      { 'mx.a.example': '127.0.2.1' },
    ),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none }
pools:
  main: { sources: [hot] }
accounting: { file: acct.csv }
suppression: ${suppression}
`,
  });
  await w.start();
  return taken;
}

const counted = async (): Promise<void> => {
  const { totals: t } = await w.status();
  expect(t.accepted).toBe(t.delivered + t.bounced + t.suppressed + t.deleted + t.waiting);
};

it('refuses at RCPT who bounced for good, ends what waits, and lets go who is taken off', { timeout: 30_000 }, async () => {
  const taken = await world('{ on: [mailbox.unknown], at: refuse }');
  await inject(w.listenPort, { from: 'n@s.example', to: ['gone1@a.example'] });
  await until(
    () => w.status(),
    s => s.totals.bounced === 1 && s.totals.waiting === 0,
  );
  const listed = await w.run('suppress', 'list', '--json', '-c', w.file);
  expect(JSON.parse(listed.out)).toMatchObject([{ address: 'gone1@a.example', scope: null, reason: 'mailbox.unknown' }]);
  await expect(inject(w.listenPort, { from: 'n@s.example', to: ['GONE1@a.example'] })).rejects.toMatchObject({
    response: expect.stringMatching(/^550 5\.7\.1 The recipient is on the suppression list \(mailbox\.unknown: 550 5\.1\.1 /) as string,
  });

  // Put on the list while it waits: ended before an attempt, its neighbour in the same message goes out.
  await w.client.pause('hot', { author: 'test' });
  await inject(w.listenPort, { from: 'n@s.example', to: ['late@a.example', 'fine@a.example'] });
  expect(await w.run('suppress', 'add', 'Late@a.example', '--why', 'asked for it', '-c', w.file)).toMatchObject({ code: 0 });
  await w.client.resume('hot', { author: 'test' });
  const { totals } = await until(
    () => w.status(),
    s => s.totals.waiting === 0,
  );
  expect(totals).toMatchObject({ suppressed: 1, bounced: 1 });
  expect(taken).toContain('fine@a.example');
  expect(taken).not.toContain('late@a.example');
  await counted();
  expect(readFileSync(join(w.dir, 'acct.csv'), 'utf8')).toMatch(/^b,.*late@a\.example.*suppressed/m);

  expect((await w.run('suppress', 'remove', 'late@a.example', '-c', w.file)).out).toContain('1 entry taken off');
  await inject(w.listenPort, { from: 'n@s.example', to: ['late@a.example'] });
  await until(
    () => taken,
    list => list.includes('late@a.example'),
  );
  expect(w.journal().map(r => r.type)).toEqual(expect.arrayContaining(['suppressed', 'unsuppressed']));
  await counted();
});

it('accepts and reports where the settings say so, after a kill -9 too; files go in and out', { timeout: 30_000 }, async () => {
  const taken = await world('{ scope: sender-domain, at: report }');
  const csv = join(w.dir, 'in.csv');
  writeFileSync(
    csv,
    `address,scope\n${Array.from({ length: 3_000 }, (_, i) => `p${i}@a.example,\n`).join('')}not one\nx@a.example,s.example\n`,
  );
  const imported = await w.run('suppress', 'import', 'in.csv', '--socket', w.socket);
  expect(imported.out).toContain('3,001 entries written, 1 line could not be read');
  expect(imported.out).toContain('line 3,002: "not one" is no address');
  await w.end('SIGKILL');
  await w.start();
  const client = await Client.open(w.listenPort);
  await client.send({ from: 'n@s.example', to: ['p17@a.example', 'x@a.example', 'q@a.example'] });
  await client.send({ from: 'n@other.example', to: ['x@a.example'] });
  client.close();
  const { totals } = await until(
    () => w.status(),
    s => s.totals.waiting === 0 && s.totals.suppressed === 2,
  );
  expect(totals.suppressed).toBe(2);
  expect(taken.filter(r => r.endsWith('@a.example')).sort()).toEqual(['q@a.example', 'x@a.example']);
  await counted();
  await w.run('suppress', 'export', 'out.csv', '--socket', w.socket);
  const out = readFileSync(join(w.dir, 'out.csv'), 'utf8').trim().split('\n');
  expect(out.length).toBe(3_002);
  expect(out[0]).toBe('address,scope,reason,since,until,note');
  expect(await connectControl(w.socket).suppression.list({ match: 'p1?@*', limit: 100 })).toHaveLength(10);
});
