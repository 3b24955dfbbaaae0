/** Addresses strangers' DNS may not lead to, in every form in which IPv6 can write them. */
import { describe, expect, it } from 'vitest';
import { isOffLimits, ownAddresses } from '../../src/route/protect.js';
import { settings } from './settings.js';

const NOBODY: ReadonlySet<string> = new Set();

describe('an IPv6 address', () => {
  it.each([
    ['loopback', '::1'],
    ['no address', '::'],
    ['unique local', 'fd00::25'],
    ['link-local', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['documentation', '2001:db8::25'],
    ['discarded', '100::1'],
    ['a mapped loopback address', '::ffff:127.0.0.1'],
    ['a mapped private address', '::ffff:a00:1'],
    ['a translated address', '::ffff:0:10.0.0.1'],
    ['an IPv4-compatible loopback address', '::127.0.0.1'],
    ['an IPv4-compatible public address', '::808:808'],
    ['6to4 of a private address', '2002:a00:1::1'],
    ['6to4 of a public address', '2002:808:808::1'],
    ['Teredo', '2001:0:808:808::1'],
    ['NAT64 of loopback', '64:ff9b::127.0.0.1'],
    ['NAT64 of a private address', '64:ff9b::c0a8:101'],
    ['a NAT64 of somebody’s own network', '64:ff9b:1::8.8.8.8'],
  ])('that is %s is off limits (%s)', (_what, address) => {
    expect(isOffLimits(address, NOBODY)).toBe(true);
  });

  it.each(['2a00:1450:4001::1a', '2607:f8b0::1', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8'])('elsewhere is not (%s)', address => {
    expect(isOffLimits(address, NOBODY)).toBe(false);
  });
});

describe('our own addresses', () => {
  const from = { file: 'rampd.yaml', line: 1, col: 1 };
  const own = ownAddresses(
    settings({
      sources: new Map([['hot', { name: 'hot', address: '198.41.0.4', hostName: 'mta.example', limits: {}, from }]]),
      listeners: [{ address: '2a00:1450:4001::25', port: 25, from }],
    }),
    ['192.33.4.12', '2001:500:2::c', 'fe80::1%eth0', 'nonsense'],
  );

  it.each(['198.41.0.4', '::ffff:198.41.0.4', '64:ff9b::198.41.0.4', '2A00:1450:4001:0::25', '192.33.4.12', '2001:500:2:0::c'])(
    'are off limits however they are written (%s)',
    address => {
      expect(isOffLimits(address, own)).toBe(true);
      if (address !== '64:ff9b::198.41.0.4') expect(isOffLimits(address, NOBODY)).toBe(false);
    },
  );
});
