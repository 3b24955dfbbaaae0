/** RFC 7208 against a real DNS server: each mechanism with what it matches and what it does not, limits, errors. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDnsServer, type DnsServer } from '../../src/rehearse/dns-server.js';
import type { Zones } from '../../src/rehearse/dns-zones.js';
import { createNodeDns, type DnsPort } from '../../src/route/dns.js';
import { checkSpf } from '../../src/route/spf.js';
import { expandMacros } from '../../src/route/spf-macro.js';
import { readSpf } from '../../src/route/spf-record.js';

const chain = (n: number): Zones =>
  Object.fromEntries(
    Array.from({ length: n }, (_, i) => [
      `c${i}.test`,
      { txt: [i === n - 1 ? 'v=spf1 ip4:192.0.2.1 -all' : `v=spf1 include:c${i + 1}.test -all`] },
    ]),
  );

const ZONES: Zones = {
  ...chain(12),
  'ip4.test': { txt: ['something else', 'v=spf1 ip4:192.0.2.0/28 ip4:198.51.100.7 -all'] },
  'ip6.test': { txt: ['v=spf1 ip6:2001:db8::/32 ~all'] },
  'a.test': { txt: ['v=spf1 a -all'], a: ['192.0.2.1'] },
  'a24.test': { txt: ['v=spf1 a:a.test/24 ?all'] },
  'aaaa.test': { txt: ['v=spf1 a -all'], aaaa: ['2001:db8::1'] },
  'mx.test': { txt: ['v=spf1 mx -all'], mx: [{ preference: 10, exchange: 'a.test' }] },
  'mxmany.test': { txt: ['v=spf1 mx -all'], mx: Array.from({ length: 11 }, (_, i) => ({ preference: i, exchange: `h${i}.test` })) },
  'include.test': { txt: ['v=spf1 include:ip4.test ~all'] },
  'lost.test': { txt: ['v=spf1 include:nothing.test -all'] },
  'redirect.test': { txt: ['v=spf1 redirect=ip4.test'] },
  'redirectlost.test': { txt: ['v=spf1 redirect=nothing.test'] },
  'both.test': { txt: ['v=spf1 ?all redirect=ip4.test'] },
  'exists.test': { txt: ['v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all'] },
  '1.2.0.192.in-addr._spf.exists.test': { a: ['127.0.0.2'] },
  'ptr.test': { txt: ['v=spf1 ptr -all'] },
  'mail.ptr.test': { a: ['192.0.2.1'] },
  '1.2.0.192.in-addr.arpa': { ptr: ['mail.ptr.test'] },
  '9.2.0.192.in-addr.arpa': { ptr: ['mail.ptr.test'] },
  'two.test': { txt: ['v=spf1 -all', 'v=spf1 +all'] },
  'nothing.test': { a: ['192.0.2.1'] },
  'broken.test': { txt: ['v=spf1 ip4:192.0.2.1 ipv4:192.0.2.2 -all'] },
  'void.test': { txt: ['v=spf1 a:x1.test a:x2.test a:x3.test ip4:192.0.2.1 -all'] },
  'circle.test': { txt: ['v=spf1 include:circle.test -all'] },
  'down.test': { fail: 'servfail' },
  'downbelow.test': { txt: ['v=spf1 include:down.test -all'] },
  'open.test': { txt: ['v=spf1 a:nothing.test'] },
  'long.test': { txt: [`v=spf1 ${Array.from({ length: 30 }, (_, i) => `ip4:198.51.100.${i}`).join(' ')} ip4:192.0.2.1 -all`] },
};

let server: DnsServer;
let dns: DnsPort;
beforeAll(async () => {
  server = await startDnsServer({ zones: ZONES });
  dns = createNodeDns({ servers: [server.address] });
});
afterAll(() => server.stop());

const verdict = (domain: string, ip = '192.0.2.1') => checkSpf(domain, { ip, sender: `postmaster@${domain}`, helo: 'mta.test' }, dns);
const result = async (domain: string, ip?: string) => (await verdict(domain, ip)).result;

describe('check_host', () => {
  it.each([
    ['ip4.test', '192.0.2.1', 'pass'],
    ['ip4.test', '192.0.2.16', 'fail'],
    ['ip4.test', '198.51.100.7', 'pass'],
    ['ip4.test', '2001:db8::1', 'fail'],
    ['ip6.test', '2001:db8:5::1', 'pass'],
    ['ip6.test', '2001:db9::1', 'softfail'],
    ['a.test', '192.0.2.1', 'pass'],
    ['a.test', '192.0.2.2', 'fail'],
    ['a24.test', '192.0.2.99', 'pass'],
    ['a24.test', '192.0.3.99', 'neutral'],
    ['aaaa.test', '2001:db8::1', 'pass'],
    ['aaaa.test', '192.0.2.1', 'fail'],
    ['mx.test', '192.0.2.1', 'pass'],
    ['mx.test', '192.0.2.2', 'fail'],
    ['include.test', '192.0.2.3', 'pass'],
    ['include.test', '203.0.113.1', 'softfail'],
    ['redirect.test', '192.0.2.3', 'pass'],
    ['redirect.test', '203.0.113.1', 'fail'],
    ['both.test', '192.0.2.3', 'neutral'],
    ['exists.test', '192.0.2.1', 'pass'],
    ['exists.test', '192.0.2.2', 'fail'],
    ['ptr.test', '192.0.2.1', 'pass'],
    ['ptr.test', '192.0.2.9', 'fail'],
    ['ptr.test', '192.0.2.2', 'fail'],
    ['long.test', '192.0.2.1', 'pass'],
    ['open.test', '192.0.2.7', 'neutral'],
    ['nothing.test', '192.0.2.1', 'none'],
    ['absent.test', '192.0.2.1', 'none'],
  ])('%s of %s: %s', async (domain, ip, expected) => {
    expect(await result(domain, ip)).toBe(expected);
  });

  it.each([
    ['two.test', /2 SPF records/],
    ['broken.test', /ipv4:192\.0\.2\.2 is no mechanism/],
    ['lost.test', /includes nothing\.test/],
    ['redirectlost.test', /redirects to nothing\.test/],
    ['mxmany.test', /more than 10 MX/],
    ['void.test', /more than 2 lookups/],
    ['circle.test', /lookup 11/],
  ])('%s is an error for good', async (domain, text) => {
    expect(await verdict(domain)).toMatchObject({ result: 'permerror', text: expect.stringMatching(text) as string });
  });

  it('makes ten lookups, and no eleventh', async () => {
    expect(await verdict('c1.test')).toMatchObject({ result: 'pass', lookups: 10 });
    expect(await result('c0.test')).toBe('permerror');
  });

  it('tells what may pass from what will not', async () => {
    expect(await result('down.test')).toBe('temperror');
    expect(await result('downbelow.test')).toBe('temperror');
  });

  it('says which term decided, and hands out the record', async () => {
    expect(await verdict('include.test')).toEqual({
      result: 'pass',
      text: 'include:ip4.test',
      lookups: 1,
      record: 'v=spf1 include:ip4.test ~all',
    });
  });
});

describe('macros', () => {
  const who = { ip: '192.0.2.3', sender: 'strong-bad@email.example.com', helo: 'mta.example.com' };
  const six = { ...who, ip: '2001:db8::cb01' };
  it.each([
    ['%{s}', 'strong-bad@email.example.com'],
    ['%{o}', 'email.example.com'],
    ['%{d4}', 'email.example.com'],
    ['%{d2}', 'example.com'],
    ['%{dr}', 'com.example.email'],
    ['%{d2r}', 'example.email'],
    ['%{l}', 'strong-bad'],
    ['%{l-}', 'strong.bad'],
    ['%{lr-}', 'bad.strong'],
    ['%{l1r-}', 'strong'],
    ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com'],
    ['%{h}', 'mta.example.com'],
    ['%%%_%-', '% %20'],
  ])('%s', (spec, expected) => {
    expect(expandMacros(spec, who, 'email.example.com')).toBe(expected);
  });

  it('write an IPv6 address nibble by nibble', () => {
    expect(expandMacros('%{ir}.%{v}', six, 'x.test')).toBe('1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6');
  });

  it('mean nothing where they belong to explanations, or count no label', () => {
    expect(expandMacros('%{c}.x', who, 'x.test')).toBeUndefined();
    expect(expandMacros('%{d0}.x', who, 'x.test')).toBeUndefined();
  });
});

describe('a record of anybody', () => {
  it('never throws, whatever it says', async () => {
    const words = fc.constantFrom(
      'a',
      'mx',
      'all',
      'ip4:',
      'ip6:',
      '1.2.3.4',
      '/',
      '//',
      '33',
      '%{',
      'i',
      'r}',
      'include:',
      'exists:',
      'redirect=',
      '-',
      '?',
      '.',
      '%',
      ':',
      'x',
      'é',
      '=',
    );
    const record = fc.array(fc.oneof(words, fc.string({ maxLength: 6 })), { maxLength: 12 }).map(parts => `v=spf1 ${parts.join('')}`);
    const silent: DnsPort = {
      mx: () => Promise.resolve({ kind: 'no-data', ttl: 1 }),
      a: () => Promise.resolve({ kind: 'no-data', ttl: 1 }),
      aaaa: () => Promise.resolve({ kind: 'no-data', ttl: 1 }),
      ptr: () => Promise.resolve({ kind: 'no-data', ttl: 1 }),
      txt: () => Promise.resolve({ kind: 'no-data', ttl: 1 }),
    };
    await fc.assert(
      fc.asyncProperty(record, async text => {
        readSpf(text);
        let asked = 0;
        const txt = () => {
          asked++;
          return Promise.resolve({ kind: 'found' as const, ttl: 1, records: [text] });
        };
        await checkSpf('x.test', { ip: '2001:db8::1', sender: 'a@x.test', helo: 'h' }, { ...silent, txt });
        expect(asked).toBeLessThanOrEqual(11);
      }),
      { numRuns: 500 },
    );
  });
});
