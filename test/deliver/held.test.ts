/** Mail of one sender that a window holds is in nobody's way, and goes when the window is lifted. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE } from '../../src/kernel/units.js';
import { batch } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { type Host, Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

const config = (host: Host, scope: string): string => `
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers:
  p:
    domains: [p.example, q.example]
    smtp-hosts: ["${host.name}"]
    rules: [{ id: held, match: { code: "451", text: not taken now }, class: transient, scope: ${scope}, window: 6h, suspend: true }]
`;

it.each([20, 150])('%i messages of a held sender domain before those of another', async held => {
  let refuses = true;
  const host = await scene.host(line =>
    refuses && line.startsWith('MAIL FROM:<x@held.example>') ? '451 4.7.1 sender domain is not taken now' : undefined,
  );
  await scene.start(config(host, 'sender-domain'));
  const { operations } = scene.daemon;
  await operations.pause('a', { author: 'ann' });
  await scene.send(...batch(held, 'h', 'p.example', { from: 'x@held.example' }), ...batch(5, 'g', 'p.example', { from: 'y@good.example' }));
  await operations.resume('a', { author: 'ann' });
  // Nothing waits for the clock, which stands still.
  await until(
    () => scene.status().totals.delivered,
    n => n === 5,
  );
  expect(scene.status().totals).toMatchObject({ deferred: 1, waiting: held });

  refuses = false;
  await operations.lift(scene.status().windows[0]?.id ?? '', { author: 'ann' });
  await scene.clock.run(15 * MINUTE);
  await until(
    () => scene.status().totals.delivered,
    n => n === 5 + held,
  );
  expect(scene.status().totals).toMatchObject({ deferred: 1, waiting: 0 });
});

it('a domain that a window holds goes when it is lifted', async () => {
  let refuses = true;
  const host = await scene.host(line =>
    refuses && line.startsWith('RCPT') && line.includes('@p.') ? '451 4.7.1 domain is not taken now' : undefined,
  );
  await scene.start(config(host, 'recipient-domain'));
  await scene.send(...batch(1, 'first', 'p.example'));
  await until(
    () => scene.status().windows.length,
    n => n === 1,
  );
  await scene.send(...batch(3, 'h', 'p.example'), ...batch(1, 'g', 'q.example'));
  await until(
    () => scene.status().totals.delivered,
    n => n === 1,
  );
  expect(host.count('RCPT TO:<h')).toBe(0);
  refuses = false;
  await scene.daemon.operations.lift(scene.status().windows[0]?.id ?? '', { author: 'ann' });
  // The clock stands still: what waits for its retry is not asked about.
  await until(
    () => scene.status().totals.delivered,
    n => n === 4,
  );
});
