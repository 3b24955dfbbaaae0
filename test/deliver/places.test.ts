/** Places for connections that lanes share: one refusal is enough for all, and an idle connection makes room. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CoreGovernor } from '../../src/govern/governor.js';
import { startDnsServer } from '../../src/rehearse/dns-server.js';
import { injectMany } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

it('many lanes share the few places of their source, and are not all refused for each that is free', async () => {
  const lanes = 60;
  const host = await scene.host();
  const [address = '', port = ''] = host.name.split(':');
  const all = Array.from({ length: lanes }, (_, i) => `d${i}.example`);
  const dns = await startDnsServer({
    zones: Object.fromEntries(
      all.flatMap(domain => [
        [domain, { mx: [{ preference: 10, exchange: `mx.${domain}` }] }],
        [`mx.${domain}`, { a: [address] }],
      ]),
    ),
  });
  try {
    await scene.start(`
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none, max-smtp-out: 3 } }
pools: { main: { sources: [a] } }
smtp-port: ${port}
dns: { servers: ["${dns.address}"] }
`);
    const { operations } = scene.daemon;
    await operations.pause('a', { author: 'ann' });
    await injectMany(
      scene.daemon.listeners[0]?.port ?? 0,
      all.map(domain => ({ from: 'news@sender.example', to: [`u@${domain}`] })),
    );
    const asked = vi.spyOn(CoreGovernor.prototype, 'mayConnect');
    await operations.resume('a', { author: 'ann' });
    // The clock stands still: idle connections end because others need their place.
    await until(
      () => scene.status().totals.delivered,
      n => n === lanes,
    );
    expect([host.made, host.most]).toEqual([lanes, 3]);
    // Each lane is asked about once or twice; it was every waiting lane at every end of a connection.
    expect(asked.mock.calls.length).toBeLessThan(10 * lanes);
    asked.mockRestore();
  } finally {
    await dns.stop();
  }
});
