/**
 * Mail handed in over HTTP to the built daemon: delivered like any other, from the source it names, and stored once although
 * the daemon was killed before its answer was read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/accept/password.js';
import { inject } from './inject.js';
import { freePort, until, World, zones } from './world.js';

const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(w => w.stop()));
});

async function world(): Promise<{ w: World; url: string }> {
  const w = new World();
  worlds.push(w);
  await w.receiver({ host: '127.0.2.1', hostName: 'mx.example.net' });
  const port = await freePort();
  await w.prepare({
    zones: { ...zones({ 'example.net': 'mx.example.net' }, { 'mx.example.net': '127.0.2.1' }), 'null.example': { mx: null } },
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main, allow-headers: true }]
sources:
  one: { address: 127.0.1.1, host-name: one.test.example, warm-up: none }
  two: { address: 127.0.1.2, host-name: two.test.example, warm-up: none }
pools: { main: { sources: { one: 1, two: 0 } } }
accounting: { file: ${join(w.dir, 'acct.ndjson')}, records: [r, d, b], fields: [srcType, rcpt], format: ndjson }
control:
  http:
    address: "127.0.0.1:${port}"
    tokens:
      - { name: app1, token: "${await hashPassword('secret')}", pool: main, allow-headers: true }
      - { name: prom, token: "${await hashPassword('look')}", role: read }
`,
  });
  return { w, url: `http://127.0.0.1:${port}` };
}

const post = (url: string, body: unknown, key?: string) =>
  fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: 'Bearer secret', 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) },
    body: JSON.stringify(body),
  });
const MESSAGE = { from: 'ann@example.com', to: 'bob@example.net', subject: 'Hello', text: 'Hi' };

describe('HTTP', () => {
  it('hands in mail that leaves from the pool, or from the one source that is named', async () => {
    const { w, url } = await world();
    await w.start();
    const answers = await Promise.all([post(url, MESSAGE), post(url, { ...MESSAGE, pool: 'two', job: 'j' })]);
    expect(answers.map(a => a.status)).toEqual([202, 202]);
    await until(
      () => w.status(),
      s => s.totals.delivered === 2,
    );
    const seen = w.receivers[0]!.ledger.totals();
    expect(['127.0.1.1', '127.0.1.2'].map(source => seen.get(source)?.accepted)).toEqual([1, 1]);
    const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer look' } })).text();
    expect(metrics).toContain('\nrampd_delivered_total 2\n');
    expect(metrics).toContain('rampd_source_state{source="one",state="warm"} 1\n');
    const { id } = (await answers[0]!.json()) as { id: string };
    expect((await fetch(`${url}/v1/messages/${id}`, { headers: { authorization: 'Bearer look' } })).status).toBe(404);
    // A reload that takes the token away, and another that closes the port.
    w.configure(text =>
      text.replace('name: app1', 'name: gone').replace(/token: "[^"]*", pool/, `token: "scrypt:${'a'.repeat(22)}:${'b'.repeat(43)}", pool`),
    );
    await w.client.reload({ author: 'ann' });
    expect((await post(url, MESSAGE)).status).toBe(401);
    w.configure(text => text.replace(/control:\n[^]*$/, ''));
    await w.client.reload({ author: 'ann' });
    await expect(post(url, MESSAGE)).rejects.toThrow();
    expect(await w.end('SIGTERM')).toBe(0);
  });

  it('is told apart from SMTP and from our own notices in the accounting', async () => {
    const { w, url } = await world();
    await w.start();
    await inject(w.listenPort, { from: 'ann@example.com', to: ['smtp@example.net'] });
    await post(url, { ...MESSAGE, to: 'http@example.net' });
    // A domain that takes no mail: its sender gets a notice.
    await post(url, { ...MESSAGE, from: 'told@example.net', to: 'b@null.example' });
    await until(
      () => w.status(),
      s => s.totals.delivered === 3 && s.totals.bounced === 1,
    );
    expect(await w.end('SIGTERM')).toBe(0);
    const lines = readFileSync(join(w.dir, 'acct.ndjson'), 'utf8').trim().split('\n');
    const records = lines.map(line => JSON.parse(line) as { type: string; srcType: string; rcpt: string });
    expect(records.map(r => `${r.type} ${r.rcpt} ${r.srcType}`).sort()).toEqual([
      'b b@null.example api',
      'd http@example.net api',
      'd smtp@example.net smtp',
      'd told@example.net local',
      'r b@null.example api',
      'r http@example.net api',
      'r smtp@example.net smtp',
    ]);
  });

  it('stores once what is asked again after a kill -9 whose answer nobody read', async () => {
    const { w, url } = await world();
    await w.start();
    w.receivers[0]?.setPolicy({ onConnect: () => ({ reply: '421 4.3.2 later', close: true }) });
    const batch = { messages: Array.from({ length: 20 }, (_, i) => ({ ...MESSAGE, subject: `m${i}` })) };
    const lost = post(url, batch, 'campaign-7').then(
      a => a.text(),
      () => 'lost',
    );
    // Some of the batch is durable, and the answer is not out yet or nobody waits for it.
    await until(
      () => w.status(),
      s => s.totals.accepted > 0,
    );
    await w.end('SIGKILL');
    await lost;
    await w.start();
    const before = (await w.status()).totals.accepted;
    expect(before).toBeGreaterThan(0);
    const again = await post(url, batch, 'campaign-7');
    const { results } = (await again.json()) as { results: { id: string }[] };
    expect(new Set(results.map(r => r.id)).size).toBe(20);
    expect((await w.status()).totals.accepted).toBe(20);
    expect(await (await post(url, batch, 'campaign-7')).json()).toEqual({ results });
    // Without the key it is other mail.
    await post(url, MESSAGE);
    expect((await w.status()).totals.accepted).toBe(21);
  });
});
