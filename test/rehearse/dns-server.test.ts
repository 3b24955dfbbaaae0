import { promises as dns } from 'node:dns';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDnsServer, type DnsServer } from '../../src/rehearse/dns-server.js';

const MANY = Array.from({ length: 60 }, (_, i) => `10.0.1.${i}`);

let server: DnsServer;
let resolver: dns.Resolver;

beforeEach(async () => {
  server = await startDnsServer({
    ttl: 4_000,
    zones: {
      'example.test': { mx: [{ preference: 10, exchange: 'mx.example.test' }], txt: ['hello'], ttl: 60 },
      'mx.example.test': { a: ['127.0.2.1'], aaaa: ['::1'] },
      'none.test': { mx: null },
      '1.2.0.127.in-addr.arpa': { ptr: ['mx.example.test'] },
      'alias.test': { cname: 'example.test' },
      'circle.test': { cname: 'circle.test' },
      '*.wild.test': { a: ['127.0.2.2'] },
      'known.wild.test': { a: ['127.0.2.3'] },
      'many.test': { a: MANY },
      'fail.test': { fail: 'servfail' },
      'mute.test': { fail: 'silent' },
    },
  });
  resolver = new dns.Resolver({ timeout: 100, tries: 1 });
  resolver.setServers([server.address]);
});
afterEach(() => server.stop());

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: NodeJS.ErrnoException) => error.code,
  );

describe('the DNS server of the rehearsal', () => {
  it('answers from its zones', async () => {
    expect(await resolver.resolveMx('example.test')).toEqual([{ priority: 10, exchange: 'mx.example.test' }]);
    expect(await resolver.resolve4('mx.example.test', { ttl: true })).toEqual([{ address: '127.0.2.1', ttl: 4_000 }]);
    expect(await resolver.resolve6('MX.Example.Test')).toEqual(['::1']);
    expect(await resolver.resolveTxt('alias.test')).toEqual([['hello']]);
    expect(await resolver.reverse('127.0.2.1')).toEqual(['mx.example.test']);
    expect(await resolver.resolveCname('alias.test')).toEqual(['example.test']);
    expect(await resolver.resolveMx('none.test')).toEqual([{ priority: 0, exchange: '' }]);
    expect([await resolver.resolve4('a.b.wild.test'), await resolver.resolve4('known.wild.test')]).toEqual([['127.0.2.2'], ['127.0.2.3']]);
  });

  it('tells "no such name" from "no such record", and fails on request', async () => {
    expect(await code(resolver.resolve4('absent.test'))).toBe('ENOTFOUND');
    expect(await code(resolver.resolve4('example.test'))).toBe('ENODATA');
    expect(await code(resolver.resolve4('test'))).toBe('ENODATA');
    expect(await code(resolver.resolve4('fail.test'))).toBe('ESERVFAIL');
    expect(await code(resolver.resolve4('circle.test'))).toBe('ESERVFAIL');
    expect(await code(resolver.resolve4('mute.test'))).toBe('ETIMEOUT');
  });

  it('sends by TCP what UDP cannot carry', async () => {
    expect(await resolver.resolve4('many.test')).toEqual(MANY);
    expect(server.queries('many.test', 'A')).toBe(2);
  });

  it('counts queries, and forgets and learns names while it runs', async () => {
    await resolver.resolve4('mx.example.test');
    await resolver.resolve6('mx.example.test');
    expect([server.queries(), server.queries('mx.example.test'), server.queries('mx.example.test', 'AAAA')]).toEqual([2, 2, 1]);
    server.delete('mx.example.test');
    expect(await code(resolver.resolve4('mx.example.test'))).toBe('ENOTFOUND');
    server.set('mx.example.test', { a: ['127.0.2.9'] });
    expect(await resolver.resolve4('mx.example.test')).toEqual(['127.0.2.9']);
  });

  it('outlives nonsense by UDP and TCP', async () => {
    const [host = '', port = ''] = server.address.split(':');
    const udp = createSocket('udp4');
    for (const bytes of [Buffer.alloc(0), Buffer.from('nonsense'), Buffer.alloc(12), Buffer.alloc(600, 0xff)]) {
      await new Promise(resolve => udp.send(bytes, Number(port), host, resolve));
    }
    udp.close();
    await new Promise<void>(resolve => {
      const socket = connect(Number(port), host, () => socket.end(Buffer.concat([Buffer.from([0, 9]), Buffer.alloc(40, 0xff)])));
      socket.on('close', () => resolve()).resume();
    });
    expect(await resolver.resolve4('mx.example.test')).toEqual(['127.0.2.1']);
    expect(server.queries()).toBe(1);
  });
});
