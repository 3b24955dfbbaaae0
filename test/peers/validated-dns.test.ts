/**
 * DNS through a real validating resolver: what it vouches for, what it does not, what it refuses to pass on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createValidatedDns } from '../../src/route/validated-dns.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { noSignedDns, SignedDns, tlsaLine } from './signed-dns.js';

describe.skipIf(noSignedDns !== undefined)(`a validating resolver${noSignedDns ? ` (SKIPPED: ${noSignedDns})` : ''}`, () => {
  const { cert } = makeSelfSigned('mx.signed.example', Date.now());
  let server: SignedDns;
  let dns: ReturnType<typeof createValidatedDns>;

  beforeAll(async () => {
    const records = ['@ IN MX 10 mx', 'mx IN A 192.0.2.1', 'alias IN CNAME mx', tlsaLine(25, 'mx', cert), 'null IN MX 0 .'];
    server = await SignedDns.start({
      'signed.example': { records: [...records, ...Array.from({ length: 30 }, (_, i) => `many IN TXT "${i} ${'x'.repeat(200)}"`)] },
      'plain.example': { records, keys: 'unsigned' },
      'late.example': { records, keys: 'expired' },
    });
    dns = createValidatedDns({ servers: [server.address], timeout: 3_000 });
  });
  afterAll(() => server?.stop());

  it('vouches for a signed zone: MX, addresses, TLSA, and that there is none', async () => {
    expect(await dns.mx('signed.example')).toMatchObject({
      kind: 'found',
      secure: true,
      records: [{ preference: 10, exchange: 'mx.signed.example' }],
    });
    expect(await dns.a('mx.signed.example')).toMatchObject({ kind: 'found', secure: true, records: ['192.0.2.1'] });
    expect(await dns.aaaa('mx.signed.example')).toMatchObject({ kind: 'no-data', secure: true });
    expect(await dns.tlsa?.('_25._tcp.mx.signed.example')).toMatchObject({
      kind: 'found',
      secure: true,
      records: [{ usage: 3, selector: 1, matching: 1 }],
    });
    expect(await dns.tlsa?.('_25._tcp.none.signed.example')).toMatchObject({ kind: 'no-domain', secure: true, ttl: 60_000 });
    expect(await dns.mx('null.signed.example')).toMatchObject({ kind: 'found', records: [{ exchange: '' }] });
  });

  it('tells what a name is an alias of', async () => {
    expect(await dns.a('alias.signed.example')).toMatchObject({
      kind: 'found',
      secure: true,
      records: ['192.0.2.1'],
      aliasOf: 'mx.signed.example',
    });
  });

  it('does not vouch for an unsigned zone, though it has TLSA records', async () => {
    expect(await dns.mx('plain.example')).toMatchObject({ kind: 'found', secure: false });
    expect(await dns.tlsa?.('_25._tcp.mx.plain.example')).toMatchObject({ kind: 'found', secure: false });
  });

  it('gives no answer where signatures are out of date: nothing is known, which is not "there is none"', async () => {
    expect(await dns.tlsa?.('_25._tcp.mx.late.example')).toEqual({ kind: 'failed', text: 'the name server answered SERVFAIL' });
  });

  it('asks again by TCP for what does not fit', async () => {
    const answer = await dns.txt('many.signed.example');
    expect(answer.kind === 'found' && answer.records.length).toBe(30);
  });
});
