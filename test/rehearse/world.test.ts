import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadProviders } from '../../src/config/library.js';
import { nodeFiles, shippedFolder } from '../../src/config/files.js';
import { MODELS } from '../../src/rehearse/models.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';
import { startLabWorld, type LabWorld } from '../../src/rehearse/world.js';
import { createNodeDns } from '../../src/route/dns.js';
import { createRouter } from '../../src/route/router.js';
import { settings } from '../route/settings.js';
import { RawClient } from './raw-client.js';

const clock = createVirtualClock({ start: Date.UTC(2030, 0, 1), speed: 1_440 });
let world: LabWorld;
beforeEach(async () => {
  world = await startLabWorld({ clock, seed: 3 });
});
afterEach(() => world.stop());

const router = () => {
  const { providers } = loadProviders(nodeFiles('.'), [shippedFolder()]);
  const current = settings({ providers: [...providers.values()], smtpPort: world.smtpPort, allowPrivate: true });
  return createRouter({ dns: createNodeDns({ servers: [world.dns.address] }), clock, settings: () => current, random: () => 0 });
};

describe('the world of the lab', () => {
  it('leads every domain to hosts of its provider, all on one port', async () => {
    const routes = router();
    for (const model of MODELS) {
      for (const domain of model.domains) {
        const route = await routes.resolve(domain.replace('*.', 'c17.'));
        if (route.kind !== 'hosts') throw new Error(`${domain}: ${route.kind}`);
        expect(route.provider).toBe(model.name === 'small-isp' ? 'mx1.small-isp.example,mx2.small-isp.example' : model.name);
        for (const host of route.hosts) {
          const found = await routes.addresses(host);
          expect(found).toHaveProperty('addresses.length', 1);
          expect(world.receivers.find(r => r.hostName === host.name)).toMatchObject({ port: host.port });
        }
      }
    }
  });

  it('takes mail where DNS says, and each provider has one ledger for all its hosts', async () => {
    const routes = router();
    const route = await routes.resolve('gmail.com');
    const hosts = route.kind === 'hosts' ? route.hosts : [];
    expect(hosts).toHaveLength(3);
    for (const host of hosts) {
      const found = await routes.addresses(host);
      const address = 'addresses' in found ? (found.addresses[0] ?? '') : '';
      const client = await RawClient.greeted(host.port, address, '127.0.1.5');
      const replies = await client.dialogue('MAIL FROM:<a@sender.example>', 'RCPT TO:<u1@gmail.com>', 'DATA', 'x\r\n.');
      expect(replies.map(r => r[0])).toEqual(['2', '2', '3', '2']);
      client.close();
    }
    expect(world.ledgers.get('google')?.totals().get('127.0.1.5')).toMatchObject({ attempts: 3, accepted: 3 });
    expect(world.ledgers.get('yahoo')?.attempts).toBe(0);
    const google = world.providers.find(p => p.model.name === 'google');
    expect(google?.standings(clock.now())).toMatchObject([{ source: '127.0.1.5', acceptedLastHour: 3, reputation: 1 }]);
  });

  it('says so when its port is taken, and leaves nothing open', async () => {
    const again = () => startLabWorld({ clock, smtpPort: world.smtpPort });
    await expect(again()).rejects.toThrow(/EADDRINUSE/);
    await expect(startLabWorld({ clock, network: '127.0.3', dnsPort: Number(world.dns.address.split(':')[1]) })).rejects.toThrow(
      /EADDRINUSE/,
    );
    const other = await startLabWorld({ clock, network: '127.0.3', smtpPort: world.smtpPort });
    await other.stop();
  });
});
