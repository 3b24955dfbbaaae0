import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainTable, isHostName, readDomain } from '../../src/route/domain.js';
import { isOffLimits } from '../../src/route/protect.js';
import { nameOfMxSet, providerOfHosts } from '../../src/route/provider.js';
import { provider } from './settings.js';

describe('reading a domain', () => {
  it('never throws, and what it takes for a name is one', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'grapheme' }),
          fc.domain(),
          fc.ipV4(),
          fc.ipV6().map(a => `[IPv6:${a}]`),
        ),
        text => {
          const read = readDomain(text);
          if (read.kind === 'name') {
            expect(isHostName(read.name)).toBe(true);
            expect(isIP(read.name)).toBe(0);
          }
          if (read.kind === 'literal') expect(isIP(read.address)).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('is settled: reading the result again changes nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.domain(),
          fc.ipV6().map(a => `[IPv6:${a}]`),
        ),
        text => {
          const read = readDomain(text);
          if (read.kind !== 'invalid') expect(readDomain(read.name)).toEqual(read);
        },
      ),
    );
  });

  it('takes every domain name there may be, whatever its case and trailing dot', () => {
    fc.assert(
      fc.property(fc.domain(), domain => {
        expect(readDomain(domain)).toEqual({ kind: 'name', name: domain.toLowerCase() });
        expect(readDomain(`${domain.toUpperCase()}.`)).toEqual(readDomain(domain));
      }),
    );
  });
});

describe('the name of an MX set', () => {
  const host = fc.domain().map(d => d.toLowerCase());

  it('is the same for the same hosts in any order, and at most 100 characters', () => {
    fc.assert(
      fc.property(fc.uniqueArray(host, { minLength: 1, maxLength: 12 }), fc.integer(), (hosts, turn) => {
        const turned = hosts.map((_, i) => hosts[(i + Math.abs(turn)) % hosts.length] ?? '');
        expect(nameOfMxSet(turned)).toBe(nameOfMxSet(hosts));
        expect(nameOfMxSet(hosts).length).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('differs for different sets, long ones too', () => {
    const set = (last: string) => [...Array.from({ length: 8 }, (_, i) => `mx${i}.mail.example-hosting.example`), last];
    expect(nameOfMxSet(set('z1.example'))).not.toBe(nameOfMxSet(set('z2.example')));
    expect(nameOfMxSet(set('z1.example'))).toMatch(/^mx0\.mail\.example-hosting\.example\+8~[0-9a-f]{8}$/);
    expect(nameOfMxSet(['b.example', 'a.example'])).toBe('a.example,b.example');
  });
});

describe('the provider of hosts', () => {
  const providers = [
    provider('empty', { mx: ['', '.'] }),
    provider('dotted', { mx: ['*.Dotted.example.'] }),
    provider('late', { mx: ['*.dotted.example', '*.x.example'] }),
  ];

  it('takes patterns that end in a dot, and lets empty ones match nothing', () => {
    expect(providerOfHosts(providers, ['mx.dotted.example'])?.name).toBe('dotted');
    expect(providerOfHosts(providers, ['mx.dotted.example', 'mx.x.example'])?.name).toBe('late');
    expect(providerOfHosts(providers, ['mx.other.example'])).toBeUndefined();
    expect(providerOfHosts(providers, [])).toBeUndefined();
  });
});

describe('a table of domains', () => {
  it('prefers the exact name to globs, and the glob written first', () => {
    const table = new DomainTable<string>();
    table.add('*.example', 'glob');
    table.add('*.a.example', 'narrow');
    table.add('B.a.example.', 'exact');
    expect(['x.example', 'x.a.example', 'b.a.example', 'example'].map(d => table.find(d))).toEqual(['glob', 'glob', 'exact', undefined]);
  });
});

describe('what is off limits', () => {
  it('is every private IPv4 address, also written as IPv6', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('10', '127', '0', '169.254', '192.168', '100.64', '224'),
        fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 }),
        (prefix, rest) => {
          const address = [...prefix.split('.'), ...rest].slice(0, 4).join('.');
          expect(isOffLimits(address, new Set())).toBe(true);
          expect(isOffLimits(`::ffff:${address}`, new Set())).toBe(true);
        },
      ),
    );
  });

  it('is not the address of somebody else, and is our own however written', () => {
    expect(isOffLimits('8.8.4.4', new Set(['8.8.8.8']))).toBe(false);
    expect(isOffLimits('::ffff:8.8.8.8', new Set(['8.8.8.8']))).toBe(true);
    expect(isOffLimits('nonsense', new Set())).toBe(true);
  });
});
