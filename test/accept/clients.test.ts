/** Ranges, addresses and passwords. */
import { describe, expect, it } from 'vitest';
import { Clients, peerOf } from '../../src/accept/clients.js';
import { hashPassword, verifyPassword } from '../../src/accept/password.js';
import { client } from './kit.js';

describe('Clients', () => {
  const pools = (ranges: readonly (readonly string[])[]) => new Clients(ranges.map((from, i) => client({ from, pool: `p${i}` })));

  it('matches ranges, the first in order of writing', () => {
    const clients = pools([['10.1.0.0/16'], ['10.0.0.0/8', '2001:db8::/32'], ['192.0.2.7']]);
    const pool = (address: string) => clients.byAddress(address)?.pool;
    expect(pool('10.1.2.3')).toBe('p0');
    expect(pool('10.2.2.3')).toBe('p1');
    expect(pool('2001:db8:1::5')).toBe('p1');
    expect(pool('192.0.2.7')).toBe('p2');
    expect(pool('192.0.2.8')).toBeUndefined();
    expect(pool('2001:db9::1')).toBeUndefined();
    expect(pool('unknown')).toBeUndefined();
  });

  it('takes IPv4 in IPv6 clothes for what it is, on both sides', () => {
    expect(pools([['127.0.0.0/8']]).byAddress('::ffff:127.0.0.1')?.pool).toBe('p0');
    expect(pools([['::ffff:10.0.0.0/104']]).byAddress('10.9.9.9')?.pool).toBe('p0');
    expect(pools([['::ffff:10.0.0.0/104']]).byAddress('11.9.9.9')).toBeUndefined();
    expect(pools([['::/0']]).byAddress('192.0.2.1')).toBeUndefined();
  });
});

it('a peer is an IPv4 address, or a network of IPv6', () => {
  expect(['192.0.2.1', '::ffff:192.0.2.1', '2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '2001:db8:0:2::1', 'unknown'].map(peerOf)).toEqual([
    '192.0.2.1',
    '192.0.2.1',
    '2001:db8:0:1::/64',
    '2001:db8:0:1::/64',
    '2001:db8:0:2::/64',
    'unknown',
  ]);
});

describe('passwords', () => {
  it('match their hash and nothing else does', async () => {
    const stored = await hashPassword('grüße');
    expect(stored).toMatch(/^scrypt:[\w-]{22}:[\w-]{43}$/);
    expect(await verifyPassword(stored, 'gru\u0308ße')).toBe(true);
    expect(await verifyPassword(stored, 'grüsse')).toBe(false);
    expect(await hashPassword('grüße')).not.toBe(stored);
  });

  it('are what scrypt says (N 16384, r 8, p 1, 32 bytes)', async () => {
    const { scryptSync } = await import('node:crypto');
    const salt = Buffer.alloc(16, 7);
    const key = scryptSync('secret', salt, 32, { N: 16_384, r: 8, p: 1 });
    expect(await hashPassword('secret', salt)).toBe(`scrypt:${salt.toString('base64url')}:${key.toString('base64url')}`);
  });

  it('never match what is malformed, empty or missing', async () => {
    for (const stored of [undefined, 'scrypt:', 'scrypt::', 'scrypt:AAAA:AAAA', `${await hashPassword('x')}:y`, '']) {
      expect(await verifyPassword(stored, 'x')).toBe(false);
      expect(await verifyPassword(stored, '')).toBe(false);
    }
    expect(await verifyPassword('plain', 'plain')).toBe(true);
  });
});
