/** What a stranger's DNS says of a big provider's hosts is no trouble of that provider's. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDnsServer } from '../../src/rehearse/dns-server.js';
import { batch } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

it('MX names below a provider that do not exist do not hold the lane', async () => {
  const host = await scene.host();
  const [address = '', port = ''] = host.name.split(':');
  const mx = (...exchanges: string[]) => ({ mx: exchanges.map(exchange => ({ preference: 10, exchange })) });
  const dns = await startDnsServer({
    zones: {
      'good.example': mx('mx.big.example'),
      'mx.big.example': { a: [address] },
      'bad.example': mx('no.big.example', 'none.big.example'),
    },
  });
  try {
    await scene.start(`
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers: { big: { mx: ["*.big.example"] } }
smtp-port: ${port}
dns: { servers: ["${dns.address}"] }
`);
    const { operations } = scene.daemon;
    const [id = ''] = await scene.send(...batch(1, 'u', 'bad.example'));
    await until(
      () => operations.why(id).then(why => JSON.stringify(why)),
      text => text.includes('has no address records'),
    );
    expect(scene.status().lanes.map(l => [l.provider, l.verdict.go])).toEqual([['big', true]]);
    await scene.send(...batch(1, 'u', 'good.example'));
    await until(
      () => scene.status().totals.delivered,
      n => n === 1,
      5_000,
    );
  } finally {
    await dns.stop();
  }
});
