/** A job is paused, survives kill -9, does not stand in anybody's way, and goes when a person says so. */
import { afterEach, expect, it } from 'vitest';
import { batch, inject, injectMany } from './inject.js';
import { until, World, zones } from './world.js';

const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(w => w.stop()));
});

it('pause job:NAME, resume and undo', async () => {
  const w = new World();
  worlds.push(w);
  const receiver = await w.receiver({ host: '127.0.2.1', hostName: 'mx.y.example' });
  await w.prepare({
    zones: zones({ 'y.example': 'mx.y.example' }, { 'mx.y.example': '127.0.2.1' }),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main, allow-headers: true }]
sources: { s1: { address: 127.0.1.1, host-name: s1.test.example, warm-up: none } }
pools: { main: { sources: [s1] } }
`,
  });
  await w.start();
  const took = (): number => receiver.ledger.totals().get('127.0.1.1')?.accepted ?? 0;
  const paused = await w.run('pause', 'job:spring', '--why', 'wrong subject', '-c', w.file);
  expect(paused).toMatchObject({ code: 0, out: 'paused job:spring\n' });
  // Fifty of the job stand in front in the same domain; mail of others passes them.
  await injectMany(w.listenPort, batch(50, 'job', 'y.example', { headers: ['X-Job: spring'] }));
  await inject(w.listenPort, { from: 'a@b.example', to: ['one@y.example'] });
  await until(took, n => n === 1);
  const before = await until(
    () => w.status(),
    s => s.totals.delivered === 1,
  );
  expect(before.totals).toMatchObject({ accepted: 51, waiting: 50 });
  expect(before.pausedJobs).toEqual([
    { job: 'spring', waiting: 50, queues: 1, nextDue: expect.any(String) as string, paused: 'operator:ann: wrong subject' },
  ]);

  await w.end('SIGKILL');
  await w.start();
  await inject(w.listenPort, { from: 'a@b.example', to: ['two@y.example'] });
  await until(took, n => n === 2);
  const shown = await w.run('show', 'jobs', '-c', w.file);
  expect(shown.out).toMatch(/spring +50 +1 .*operator:ann: wrong subject/);
  const [message] = await w.client.messages({ limit: 1 });
  const why = await w.run('why', message?.id ?? '', '-c', w.file);
  expect(why.out).toContain('its job spring is paused (operator:ann: wrong subject)');

  const record = w.journal().find(r => r.type === 'paused');
  expect((await w.run('undo', String(record?.id), '-c', w.file)).out).toContain('job spring is no longer paused');
  await until(took, n => n === 52);
  await until(
    () => w.status(),
    s => s.totals.delivered === 52 && s.totals.waiting === 0,
  );
  expect((await w.run('resume', 'job:spring', '-c', w.file)).code).toBe(1);
});

it('mail of high priority goes first, and does not starve the rest', async () => {
  const w = new World();
  worlds.push(w);
  const order: string[] = [];
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.y.example',
    policy: {
      onRcpt(_peer, recipient) {
        order.push(recipient.slice(0, 1));
        return undefined;
      },
    },
  });
  await w.prepare({
    zones: zones({ 'y.example': 'mx.y.example' }, { 'mx.y.example': '127.0.2.1' }),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main, allow-headers: true, priority: low }]
sources: { s1: { address: 127.0.1.1, host-name: s1.test.example, warm-up: none, max-smtp-out: 1 } }
pools: { main: { sources: [s1] } }
defaults: { pacing: burst }
`,
  });
  await w.start();
  // All of it is due before the first leaves.
  await w.client.pause('s1', { author: 'ann' });
  await injectMany(w.listenPort, batch(20, 'low', 'y.example'));
  await injectMany(w.listenPort, batch(20, 'high', 'y.example', { headers: ['X-Queue-Priority: high'] }));
  await w.client.resume('s1', { author: 'ann' });
  await until(
    () => order.length,
    n => n === 40,
  );
  expect(order.slice(0, 20).join('')).toBe('hhhhhhhhhlhhhhhhhhhl');
});
