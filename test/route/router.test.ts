import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import type { Settings } from '../../src/kernel/settings.js';
import { startDnsServer, type DnsServer } from '../../src/rehearse/dns-server.js';
import type { Zones } from '../../src/rehearse/dns-zones.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';
import { createNodeDns } from '../../src/route/dns.js';
import { createRouter, type Router } from '../../src/route/router.js';
import { provider, settings } from './settings.js';

const from = { file: 'test.yaml', line: 1, col: 1 };
const PUBLIC = '8.8.4.4';

const mx = (...hosts: string[]) => ({ mx: hosts.map((exchange, i) => ({ preference: 10 * (i + 1), exchange })) });

const ZONES: Zones = {
  'plain.example': mx('MX1.plain.example.', 'mx2.plain.example'),
  'mx1.plain.example': { a: [PUBLIC, '8.8.8.8'], aaaa: ['2a00:1450:4001::1a'], ttl: 120 },
  'no-mail.example': { mx: null },
  'half-null.example': {
    mx: [
      { preference: 0, exchange: '.' },
      { preference: 5, exchange: 'mx1.plain.example' },
    ],
  },
  'implicit.example': { a: [PUBLIC], ttl: 300 },
  'implicit6.example': { aaaa: ['2a00:1450:4001::1a'] },
  'empty.example': { txt: ['nothing here takes mail'] },
  'alias.example': { cname: 'plain.example' },
  'broken.example': { fail: 'servfail' },
  'refused.example': { fail: 'refused' },
  'mute.example': { fail: 'silent' },
  'xn--mnchen-3ya.example': mx('mx1.plain.example'),
  'poser.example': mx('google'),
  'twice.example': {
    mx: [
      { preference: 20, exchange: 'a.example' },
      { preference: 5, exchange: 'A.example.' },
      { preference: 5, exchange: 'b.example' },
    ],
  },
  'inside.example': mx('inner.example'),
  'inner.example': {
    a: ['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.254.1.1', '0.0.0.0', '224.0.0.1'],
    aaaa: ['::1', 'fc00::1', '::ffff:10.0.0.1'],
  },
  'both.example': { a: ['10.0.0.1', PUBLIC] },
  'ours.example': { a: ['198.41.0.4'] },
  'mixed.example': mx('alt1.mx.bigmail.example', 'mx1.plain.example'),
  'big.example': mx('mx.bigmail.example', 'alt1.mx.bigmail.example'),
  'numeric.example': mx('127.0.0.1'),
  '*.customers.example': mx('customers.mail.protection.outlook.com'),
};

let server: DnsServer;
let clock: ManualClock;
let current: Settings;
let router: Router;

let interfaces: readonly string[] = [];
const start = (parts: Parameters<typeof settings>[0] = {}, dnsOptions: { timeout?: number; tries?: number } = {}) => {
  current = settings(parts);
  const dns = createNodeDns({ servers: [server.address], timeout: 2_000, tries: 1, ...dnsOptions });
  router = createRouter({ dns, clock, settings: () => current, random: () => 0.5, interfaces: () => interfaces });
  return router;
};

beforeEach(async () => {
  server = await startDnsServer({ zones: ZONES });
  clock = createManualClock(1_000_000);
});
afterEach(() => server.stop());

const hostsOf = async (domain: string) => {
  const route = await router.resolve(domain);
  if (route.kind !== 'hosts') throw new Error(`${domain}: ${route.kind} ${route.text}`);
  return route.hosts.map(h => h.name);
};
const providerFor = async (domain: string) => {
  const route = await router.resolve(domain);
  return route.kind === 'hosts' ? route.provider : `${route.kind}: ${route.text}`;
};

describe('hosts of a domain', () => {
  it('come from MX records, lower-case, without trailing dots, by preference', async () => {
    start({ smtpPort: 2525 });
    const route = await router.resolve('plain.example');
    expect(route).toMatchObject({
      kind: 'hosts',
      provider: 'mx1.plain.example,mx2.plain.example',
      hosts: [
        { name: 'mx1.plain.example', preference: 10, port: 2525, static: false },
        { name: 'mx2.plain.example', preference: 20, port: 2525, static: false },
      ],
    });
  });

  it('are the same whatever the case and the trailing dot of the domain, from one lookup', async () => {
    start();
    const routes = await Promise.all(['Plain.Example', 'plain.example.', 'PLAIN.EXAMPLE', 'plain.example'].map(d => router.resolve(d)));
    expect(new Set(routes.map(r => JSON.stringify(r))).size).toBe(1);
    expect(server.queries('plain.example', 'MX')).toBe(1);
  });

  it('name a host once, with its best preference', async () => {
    start();
    const route = await router.resolve('twice.example');
    expect(route.kind === 'hosts' && route.hosts.map(h => [h.name, h.preference])).toEqual([
      ['a.example', 5],
      ['b.example', 5],
    ]);
  });

  it('are the domain itself when it has an address and no MX (RFC 5321 §5.1)', async () => {
    start();
    expect(await hostsOf('implicit.example')).toEqual(['implicit.example']);
    expect(await hostsOf('implicit6.example')).toEqual(['implicit6.example']);
    expect(await providerFor('implicit.example')).toBe('implicit.example');
  });

  it('follow a CNAME', async () => {
    start();
    expect(await hostsOf('alias.example')).toEqual(['mx1.plain.example', 'mx2.plain.example']);
  });

  it('are none for a null MX, which beside others is ignored (RFC 7505)', async () => {
    start();
    expect(await router.resolve('no-mail.example')).toMatchObject({ kind: 'null-mx' });
    expect(await hostsOf('half-null.example')).toEqual(['mx1.plain.example']);
  });

  it('are none for a domain that does not exist or has neither MX nor address', async () => {
    start();
    expect(await router.resolve('nowhere.test')).toMatchObject({ kind: 'no-domain', text: 'nowhere.test does not exist' });
    expect(await router.resolve('empty.example')).toMatchObject({
      kind: 'no-domain',
      text: expect.stringContaining('neither MX nor address'),
    });
  });

  it('are unknown for a while after SERVFAIL, REFUSED and silence, and never the implicit MX', async () => {
    start({}, { timeout: 60 });
    server.set('broken.example', { fail: 'servfail', a: [PUBLIC] });
    for (const domain of ['broken.example', 'refused.example', 'mute.example']) {
      expect(await router.resolve(domain), domain).toMatchObject({ kind: 'temporary', retryAt: clock.now() + MINUTE });
    }
  });

  it('are found by the A-label of an international domain', async () => {
    start();
    expect(await hostsOf('MÜNCHEN.example')).toEqual(['mx1.plain.example']);
    expect(server.queries('xn--mnchen-3ya.example', 'MX')).toBe(1);
  });

  it('are none for what is no domain, without asking', async () => {
    start();
    for (const domain of [
      '',
      '.',
      '..',
      'a..example',
      '-a.example',
      'a b.example',
      '１.２.３.４',
      '8.8.4.4',
      `${'x'.repeat(64)}.example`,
      '[nonsense]',
      'a\u0007.example',
    ]) {
      expect((await router.resolve(domain)).kind, JSON.stringify(domain)).toBe('no-domain');
    }
    expect(server.queries()).toBe(0);
  });

  it('are the address itself for an address literal', async () => {
    start();
    expect(await hostsOf('[8.8.4.4]')).toEqual(['8.8.4.4']);
    expect(await hostsOf('[IPv6:2A00:1450:4001:0::1A]')).toEqual(['2a00:1450:4001::1a']);
    expect(await providerFor('[IPv6:2A00:1450:4001:0::1A]')).toBe('[ipv6:2a00:1450:4001::1a]');
    expect(server.queries()).toBe(0);
  });
});

describe('the provider of a domain', () => {
  const bigmail = provider('bigmail', { mx: ['*.bigmail.example'] });
  const microsoft = provider('microsoft-365', { mx: ['*.mail.protection.outlook.com'] });

  it('needs all MX hosts to match one provider', async () => {
    start({ providers: [bigmail] });
    expect(await providerFor('big.example')).toBe('bigmail');
    expect(await providerFor('mixed.example')).toBe('alt1.mx.bigmail.example,mx1.plain.example');
  });

  it('is one for 383 customer domains that share the MX of outlook.com', async () => {
    start({ providers: [microsoft] });
    const names = await Promise.all(Array.from({ length: 383 }, (_, i) => providerFor(`c${i}.customers.example`)));
    expect([...new Set(names)]).toEqual(['microsoft-365']);
  });

  it('is one for domains that share an MX set nobody wrote down', async () => {
    start();
    const names = await Promise.all(Array.from({ length: 20 }, (_, i) => providerFor(`c${i}.customers.example`)));
    expect([...new Set(names)]).toEqual(['customers.mail.protection.outlook.com']);
  });

  it('is found by the domain before the MX', async () => {
    start({ providers: [bigmail, provider('special', { domains: ['big.example', '*.customers.example'] })] });
    expect(await providerFor('big.example')).toBe('special');
    expect(await hostsOf('big.example')).toEqual(['mx.bigmail.example', 'alt1.mx.bigmail.example']);
    expect(await providerFor('c1.customers.example')).toBe('special');
  });

  it('cannot be claimed by an MX host that bears its name', async () => {
    start({ providers: [provider('google', { mx: ['*.google.com'] })] });
    expect(await providerFor('poser.example')).toBe('google.');
  });

  it('follows queue-to first of all', async () => {
    start({
      providers: [bigmail, provider('special', { domains: ['plain.example'] })],
      queueTo: [
        { domain: 'plain.example', to: 'big.example', from },
        { domain: '*.old.example', to: 'big.example', from },
      ],
    });
    expect(await providerFor('plain.example')).toBe('bigmail');
    expect(await providerFor('a.old.example')).toBe('bigmail');
    expect(await hostsOf('plain.example')).toEqual(['mx.bigmail.example', 'alt1.mx.bigmail.example']);
  });

  it('with smtp-hosts is reached there, without a lookup, and may be private', async () => {
    const internal = provider('internal', {
      domains: ['corp.example', '*.corp.example'],
      smtpHosts: [
        { host: '10.0.0.5', port: 25 },
        { host: 'inner.example', port: 2525 },
      ],
    });
    start({ providers: [internal] });
    const route = await router.resolve('a.corp.example');
    expect(route).toMatchObject({ kind: 'hosts', provider: 'internal' });
    expect(server.queries()).toBe(0);
    const hosts = route.kind === 'hosts' ? router.order(route.hosts) : [];
    expect(hosts.map(h => [h.name, h.port, h.static])).toEqual([
      ['10.0.0.5', 25, true],
      ['inner.example', 2525, true],
    ]);
    expect(await router.addresses(hosts[0]!)).toEqual({ addresses: ['10.0.0.5'] });
    expect(await router.addresses(hosts[1]!)).toMatchObject({ addresses: expect.arrayContaining(['127.0.0.1']) });
  });

  it('hands on how a smart host is spoken to', async () => {
    const auth = { user: 'u', password: 'p' };
    const relay = provider('relay', {
      domains: ['relay.internal'],
      smtpHosts: [{ host: 'Smart.example', port: 465, tls: 'implicit', auth }],
    });
    start({ providers: [relay], queueTo: [{ domain: '*', to: 'relay.internal', from }] });
    for (const domain of ['plain.example', 'nowhere.example', '[192.0.2.1]', 'relay.internal'])
      expect(await router.resolve(domain)).toMatchObject({
        kind: 'hosts',
        provider: 'relay',
        hosts: [{ name: 'smart.example', port: 465, static: true, tls: 'implicit', auth }],
      });
    expect(server.queries()).toBe(0);
    expect(await router.resolve('no domain')).toMatchObject({ kind: 'no-domain' });
  });

  it('prefers what is written of one domain to a glob, for smart hosts too', async () => {
    const relay = provider('relay', { domains: ['relay.internal'], smtpHosts: [{ host: '10.0.0.5', port: 25 }] });
    const queueTo = [
      { domain: '*', to: 'relay.internal', from },
      { domain: 'plain.example', to: 'plain.example', from },
      { domain: '*.customers.example', to: 'big.example', from },
    ];
    start({ providers: [relay], queueTo: [queueTo[2]!, queueTo[0]!, queueTo[1]!] });
    expect(await hostsOf('plain.example')).toEqual(['mx1.plain.example', 'mx2.plain.example']);
    expect(await hostsOf('a.customers.example')).toEqual(['mx.bigmail.example', 'alt1.mx.bigmail.example']);
    expect(await hostsOf('other.example')).toEqual(['10.0.0.5']);
  });

  it('does not use the hosts of exclude-mx, and waits when none is left', async () => {
    const big = provider('bigmail', { mx: ['*.bigmail.example'], excludeMx: ['alt*.mx.bigmail.example'] });
    start({ providers: [big] });
    expect(await hostsOf('big.example')).toEqual(['mx.bigmail.example']);
    start({ providers: [{ ...big, excludeMx: ['*.bigmail.example'] }] });
    expect(await router.resolve('big.example')).toEqual({
      kind: 'temporary',
      text: 'big.example: exclude-mx of bigmail leaves none of its MX hosts',
      retryAt: clock.now() + 15 * MINUTE,
    });
  });
});

describe('address families', () => {
  const source = (name: string, address: string) => [name, { name, address, hostName: 'mta.example', limits: {}, from }] as const;
  const both = new Map([source('four', '198.41.0.4'), source('six', '2001:500:2::c')]);
  const familiesFor = async (domain: string) => {
    const route = await router.resolve(domain);
    return route.kind === 'hosts' ? route.families : route.kind;
  };

  it('of the hosts are known where sources differ', async () => {
    start({ sources: both });
    expect(await familiesFor('plain.example')).toEqual([4, 6]);
    expect(await familiesFor('implicit6.example')).toEqual([6]);
    expect(await familiesFor('implicit.example')).toEqual([4]);
    expect(await familiesFor('big.example')).toBeUndefined();
  });

  it('are not asked for where they do not', async () => {
    start({ sources: new Map([source('four', '198.41.0.4')]) });
    expect(await familiesFor('plain.example')).toBeUndefined();
    expect(server.queries()).toBe(1);
  });
});

describe('addresses of this machine', () => {
  it('are nobody’s mail exchanger, also when they are new', async () => {
    start();
    const host = { name: 'ours.example', preference: 0, port: 25, static: false };
    expect(await router.addresses(host)).toEqual({ addresses: ['198.41.0.4'] });
    interfaces = ['198.41.0.4'];
    clock.advance(MINUTE);
    expect(await router.addresses(host)).toEqual({ none: 'ours.example resolves to private addresses only' });
    expect(await router.addresses({ ...host, static: true })).toEqual({ addresses: ['198.41.0.4'] });
    interfaces = [];
  });
});

describe('what is kept', () => {
  it('expires on policy time, and peek sees only what has not', async () => {
    start();
    expect(router.peek('plain.example')).toBeUndefined();
    const route = await router.resolve('plain.example');
    expect(router.peek('Plain.example.')).toBe(route);
    clock.advance(15 * MINUTE - 1);
    expect(router.peek('plain.example')).toBe(route);
    clock.advance(1);
    expect(router.peek('plain.example')).toBeUndefined();
    await router.resolve('plain.example');
    expect(server.queries('plain.example', 'MX')).toBe(2);
  });

  it('holds an implicit MX no longer than its address', async () => {
    start();
    expect(await router.resolve('implicit.example')).toMatchObject({ expires: clock.now() + 5 * MINUTE });
  });

  it('asks once for all who wait at the same time', async () => {
    start();
    await Promise.all(Array.from({ length: 50 }, () => router.resolve('plain.example')));
    expect(server.queries('plain.example', 'MX')).toBe(1);
  });

  it('waits longer after every failure in a row, up to 15 minutes, and starts over after success', async () => {
    start();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const route = await router.resolve('broken.example');
      if (route.kind !== 'temporary') throw new Error(route.kind);
      waits.push((route.retryAt - clock.now()) / MINUTE);
      expect(await router.resolve('broken.example')).toBe(route);
      clock.advance(route.retryAt - clock.now());
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15]);
    expect(server.queries('broken.example', 'MX')).toBe(6);
    server.set('broken.example', mx('mx1.plain.example'));
    expect(await hostsOf('broken.example')).toEqual(['mx1.plain.example']);
    server.set('broken.example', { fail: 'servfail' });
    clock.advance(DAY);
    expect(await router.resolve('broken.example')).toMatchObject({ kind: 'temporary', retryAt: clock.now() + MINUTE });
  });

  it('keeps that a domain does not exist', async () => {
    start();
    await router.resolve('nowhere.test');
    await router.resolve('nowhere.test');
    expect(server.queries('nowhere.test')).toBe(1);
    clock.advance(HOUR);
    server.set('nowhere.test', mx('mx1.plain.example'));
    expect(await hostsOf('nowhere.test')).toEqual(['mx1.plain.example']);
  });

  it('routes anew from the same DNS answers when the settings change', async () => {
    start();
    expect(await providerFor('big.example')).toBe('alt1.mx.bigmail.example,mx.bigmail.example');
    current = settings({ providers: [provider('bigmail', { mx: ['*.bigmail.example'] })] });
    expect(router.peek('big.example')).toBeUndefined();
    expect(await providerFor('big.example')).toBe('bigmail');
    expect(server.queries('big.example', 'MX')).toBe(1);
  });

  it('does not keep a route made from settings that changed while it was looked up', async () => {
    start();
    const asking = router.resolve('big.example');
    current = settings({ providers: [provider('bigmail', { mx: ['*.bigmail.example'] })] });
    // Somebody else asks meanwhile, and the router takes notice of the new settings.
    router.peek('plain.example');
    await asking;
    expect(router.peek('big.example')).toBeUndefined();
    expect(await providerFor('big.example')).toBe('bigmail');
  });
});

describe('addresses of a host', () => {
  const host = (name: string) => ({ name, preference: 0, port: 25, static: false });

  it('are IPv4 and IPv6, kept for their TTL', async () => {
    start();
    const expected = { addresses: [PUBLIC, '8.8.8.8', '2a00:1450:4001::1a'] };
    expect(await router.addresses(host('mx1.plain.example'))).toEqual(expected);
    clock.advance(119_999);
    expect(await router.addresses(host('mx1.plain.example'))).toEqual(expected);
    expect(server.queries('mx1.plain.example')).toBe(2);
    clock.advance(1);
    await router.addresses(host('mx1.plain.example'));
    expect(server.queries('mx1.plain.example')).toBe(4);
  });

  it('are none for a host without any, and unknown when the name server fails', async () => {
    start();
    expect(await router.addresses(host('mx2.plain.example'))).toEqual({ none: 'mx2.plain.example has no address records' });
    expect(await router.addresses(host('broken.example'))).toHaveProperty('temporary');
  });

  it('never are loopback, private, reserved or our own, whoever wrote the DNS', async () => {
    start({
      sources: new Map([['s', { name: 's', address: '198.41.0.4', hostName: 'mta.example', limits: {}, from }]]),
    });
    expect(await router.addresses(host('inner.example'))).toEqual({ none: 'inner.example resolves to private addresses only' });
    expect(await router.addresses(host('both.example'))).toEqual({ addresses: [PUBLIC] });
    expect(await router.addresses(host('ours.example'))).toEqual({ none: 'ours.example resolves to private addresses only' });
    const literals = ['[127.0.0.1]', '[IPv6:::1]', '[IPv6:::ffff:127.0.0.1]', '[IPv6:64:ff9b::7f00:1]', '[0.0.0.0]'];
    for (const domain of [...literals, 'numeric.example']) {
      const route = await router.resolve(domain);
      if (route.kind !== 'hosts') throw new Error(domain);
      expect(await router.addresses(route.hosts[0]!), domain).toHaveProperty('none');
    }
  });

  it('may be private where the settings say so', async () => {
    start({ allowPrivate: true });
    expect(await router.addresses(host('both.example'))).toEqual({ addresses: ['10.0.0.1', PUBLIC] });
    expect(await router.addresses(host('127.0.0.1'))).toEqual({ addresses: ['127.0.0.1'] });
  });
});

describe('the order of hosts', () => {
  const hosts = [10, 10, 10, 20, 5].map((preference, i) => ({ name: `mx${i}.example`, preference, port: 25, static: false }));
  const withDice = (random: () => number) =>
    createRouter({ dns: createNodeDns({ servers: [] }), clock, settings: () => settings(), random });

  it('puts lower preferences first and shuffles equal ones', () => {
    let seed = 1;
    const dice = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const shuffled = withDice(dice);
    const firsts = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const names = shuffled.order(hosts).map(h => h.name);
      expect(names[0]).toBe('mx4.example');
      expect(names[4]).toBe('mx3.example');
      firsts.set(names[1] ?? '', (firsts.get(names[1] ?? '') ?? 0) + 1);
    }
    expect([...firsts.keys()].sort()).toEqual(['mx0.example', 'mx1.example', 'mx2.example']);
    for (const n of firsts.values()) expect(n / 3_000).toBeCloseTo(1 / 3, 1);
  });

  it('is the dice alone: the same dice, the same order', () => {
    expect(withDice(() => 0.1).order(hosts)).toEqual(withDice(() => 0.1).order(hosts));
  });
});
