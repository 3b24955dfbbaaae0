/** Addresses written backwards, and PTR records through both of our resolvers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDnsServer, type DnsServer } from '../../src/rehearse/dns-server.js';
import { createNodeDns } from '../../src/route/dns.js';
import { reversed, reverseName } from '../../src/route/reverse.js';
import { createValidatedDns } from '../../src/route/validated-dns.js';

const SIX = '8.b.d.0.1.0.0.2.ip6.arpa';

describe('an address written backwards', () => {
  it('octet by octet, nibble by nibble', () => {
    expect(reversed('192.0.2.10')).toBe('10.2.0.192');
    expect(reverseName('192.0.2.10')).toBe('10.2.0.192.in-addr.arpa');
    expect(reverseName('::ffff:192.0.2.10')).toBe('10.2.0.192.in-addr.arpa');
    expect(reverseName('2001:db8::1')).toBe(`1.${'0.'.repeat(23)}${SIX}`);
  });
});

describe('PTR records', () => {
  let server: DnsServer;
  beforeAll(async () => {
    server = await startDnsServer({
      zones: {
        [reverseName('192.0.2.10')]: { ptr: ['mta1.example.com', 'mta2.example.com'] },
        [reverseName('2001:db8::1')]: { ptr: ['mta6.example.com'] },
      },
    });
  });
  afterAll(() => server.stop());

  it.each([
    ['node', createNodeDns],
    ['validated', createValidatedDns],
  ] as const)('through the %s resolver', async (_name, create) => {
    const dns = create({ servers: [server.address] });
    expect(await dns.ptr(reverseName('192.0.2.10'))).toMatchObject({ kind: 'found', records: ['mta1.example.com', 'mta2.example.com'] });
    expect(await dns.ptr(reverseName('2001:db8::1'))).toMatchObject({ kind: 'found', records: ['mta6.example.com'] });
    expect(await dns.ptr(reverseName('192.0.2.11'))).toMatchObject({ kind: 'no-domain' });
  });
});
