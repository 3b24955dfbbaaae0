/** A stop, while mail is being given up: what was decided is committed, and nothing is begun any more. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Spool } from '../../src/spool/spool.js';
import { startDnsServer } from '../../src/rehearse/dns-server.js';
import { batch, injectMany } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { type Host, Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

const config = (host: Host): string => `
clients: [{ from: 127.0.0.1, pool: main }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers:
  p: { domains: [p.example, sender.example], smtp-hosts: ["${host.name}"] }
`;

it('waits for the outcome of a transaction whose notice is still being stored', async () => {
  const host = await scene.host(line => (line.startsWith('RCPT') ? '550 5.1.1 no such user' : undefined));
  await scene.start(config(host));
  const order: string[] = [];
  let go: () => void = () => undefined;
  // The message of the client first, then its notice.
  await scene.daemon.operations.pause('p.example@main', { author: 'ann' });
  await scene.send(...batch(1, 'u', 'p.example'));
  const accept = vi.spyOn(Spool.prototype, 'accept');
  const asked = new Promise<void>(resolve => {
    accept.mockImplementationOnce(async function (this: Spool, ...what) {
      resolve();
      await new Promise<void>(done => (go = done));
      order.push('stored');
      accept.mockRestore();
      return this.accept(...what);
    });
  });
  await scene.daemon.operations.resume('p.example@main', { author: 'ann' });
  await asked;
  const stopped = scene.daemon.stop('test').then(() => order.push('stopped'));
  const close = vi.spyOn(Spool.prototype, 'close');
  for (let turn = 0; turn < 20_000 && close.mock.calls.length === 0; turn++) await new Promise(resolve => setImmediate(resolve));
  expect(close).not.toHaveBeenCalled();
  go();
  await stopped;
  close.mockRestore();
  expect(order).toEqual(['stored', 'stopped']);
  expect(scene.errors).toEqual([]);
  await scene.start(config(host));
  expect(scene.status().totals).toMatchObject({ accepted: 2, bounced: 1, waiting: 1 });
});

it('breaks off between batches of mail that is given up, and keeps the rest', async () => {
  const dns = await startDnsServer({ zones: { 'null.example': { mx: null } } });
  try {
    const text = `${config(await scene.host())}dns: { servers: ["${dns.address}"] }\n`;
    await scene.start(text);
    const { operations } = scene.daemon;
    await operations.pause('null.example@main', { author: 'ann' });
    await injectMany(scene.daemon.listeners[0]?.port ?? 0, batch(500, 'u', 'null.example'));
    await operations.resume('null.example@main', { author: 'ann' });
    await until(
      () => scene.status().totals.bounced,
      n => n > 0,
    );
    await scene.daemon.stop('test');
    expect(scene.errors).toEqual([]);
    await scene.start(text);
    const { accepted, bounced, delivered, waiting } = scene.status().totals;
    expect(waiting).toBeGreaterThan(0);
    expect(accepted).toBe(bounced + delivered + waiting);
  } finally {
    await dns.stop();
  }
});

it('ends with 1 when an outcome cannot be committed, and the mail is still there', async () => {
  const host = await scene.host();
  await scene.start(config(host));
  const settle = vi.spyOn(Spool.prototype, 'settle').mockRejectedValue(new Error('MDB_PANIC'));
  try {
    await scene.send(...batch(1, 'u', 'p.example'));
    expect(await scene.daemon.done).toBe(1);
  } finally {
    settle.mockRestore();
  }
  await scene.start(config(host));
  expect(scene.status().totals.waiting).toBe(1);
}, 10_000);
