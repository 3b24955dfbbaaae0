import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { matchesStsName, noPolicy, strictest, type TlsaRecord, type TlsPolicy } from '../../src/kernel/tls.js';
import { DAY } from '../../src/kernel/units.js';
import { matchesTlsa, usableTlsa } from '../../src/route/tlsa.js';
import { Authority, type Certificate } from './certificates.js';

const ca = new Authority();
const root = ca.make('Root', { ca: true });
const middle = ca.make('Middle', { ca: true, issuer: root });
const leaf = ca.make('mx.example', { issuer: middle });
const other = ca.make('mx.example', { ca: true });
const chain = [leaf.der, middle.der, root.der];
const now = Date.now();
afterAll(() => ca.remove());

const sha = (bits: 256 | 512, data: Buffer): Buffer => createHash(`sha${bits}`).update(data).digest();
const record = (usage: number, { der, spki }: Certificate, selector = 1, matching = 1): TlsaRecord => {
  const content = selector === 1 ? spki : der;
  return { usage, selector, matching, data: matching === 0 ? content : sha(matching === 1 ? 256 : 512, content) };
};
const match = (records: TlsaRecord[], names = ['mx.example'], shown = chain, at = now) => matchesTlsa(records, shown, names, at);

describe('TLSA records against what a server shows', () => {
  it.each([0, 1].flatMap(selector => [0, 1, 2].map(matching => [selector, matching] as const)))(
    'DANE-EE 3 %i %i binds this certificate or key, and no other',
    (selector, matching) => {
      expect(match([record(3, leaf, selector, matching)])).toEqual({ ok: true });
      expect(match([record(3, other, selector, matching)])).toMatchObject({ ok: false, failure: 'validation-failure' });
      // Names and dates do not count (RFC 7672 section 3.1.1).
      expect(match([record(3, leaf, selector, matching)], ['elsewhere.example'], chain, now + 900 * DAY)).toEqual({ ok: true });
    },
  );

  it.each([0, 1].flatMap(selector => [0, 1, 2].map(matching => [selector, matching] as const)))(
    'DANE-TA 2 %i %i binds an authority of the chain, and no other',
    (selector, matching) => {
      for (const anchor of [root, middle]) expect(match([record(2, anchor, selector, matching)])).toEqual({ ok: true });
      expect(match([record(2, other, selector, matching)])).toMatchObject({ ok: false, failure: 'validation-failure' });
    },
  );

  it('DANE-TA asks for the name and the dates', () => {
    expect(match([record(2, root)], ['elsewhere.example'])).toMatchObject({ ok: false, failure: 'certificate-host-mismatch' });
    expect(match([record(2, root)], ['elsewhere.example', 'mx.example'])).toEqual({ ok: true });
    expect(match([record(2, root)], ['mx.example'], chain, now + 900 * DAY)).toMatchObject({ failure: 'certificate-expired' });
  });

  it('an authority counts only when it signed: shown beside a stranger it vouches for nobody', () => {
    const stranger = ca.make('mx.example');
    expect(match([record(2, root)], ['mx.example'], [stranger.der, middle.der, root.der])).toMatchObject({ ok: false });
    // A certificate without CA:TRUE signs nothing, though its key did.
    const under = ca.make('mx.example', { issuer: leaf });
    expect(match([record(2, root)], ['mx.example'], [under.der, leaf.der, middle.der, root.der])).toMatchObject({ ok: false });
  });

  it('the authority of a record with all its data need not be shown', () => {
    expect(match([record(2, root, 0, 0)], ['mx.example'], [leaf.der, middle.der])).toEqual({ ok: true });
    expect(match([record(2, root, 1, 0)], ['mx.example'], [leaf.der, middle.der])).toEqual({ ok: true });
    expect(match([record(2, root, 1, 1)], ['mx.example'], [leaf.der, middle.der])).toMatchObject({ ok: false });
  });

  it('one record that matches is enough', () => {
    expect(match([record(3, other), record(3, leaf)])).toEqual({ ok: true });
  });

  it('that SMTP cannot use say nothing: usages 0 and 1, unknown numbers, digests of the wrong length', () => {
    const good = record(3, leaf);
    const useless = [
      record(0, leaf),
      record(1, leaf),
      { ...good, usage: 4 },
      { ...good, selector: 2 },
      { ...good, matching: 3 },
      { ...good, data: good.data.slice(1) },
      { ...good, matching: 0 },
    ];
    expect(usableTlsa(useless)).toEqual([]);
    expect(usableTlsa([...useless, good])).toEqual([good]);
    expect(match(useless)).toMatchObject({ ok: false });
  });

  it('never throw, whatever is shown', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 3 }),
        fc.nat(4),
        fc.nat(2),
        fc.nat(3),
        (shown, usage, selector, matching) => {
          expect(matchesTlsa([{ usage, selector, matching, data: shown[0] ?? new Uint8Array() }], shown, ['a'], now).ok).toBe(false);
        },
      ),
    );
  });
});

describe('names in MTA-STS policies', () => {
  it.each([
    ['mx.example', 'mx.example', true],
    ['MX.example.', 'mx.EXAMPLE', true],
    ['*.example', 'mx.example', true],
    ['*.example', 'a.mx.example', false],
    ['*.example', 'example', false],
    ['*.example', '.example', false],
    ['m*.example', 'mx.example', false],
    ['', '', false],
  ])('%s names %s: %s', (pattern, host, is) => expect(matchesStsName(pattern, host)).toBe(is));
});

describe('the stricter of a policy and the limits', () => {
  const wish = { useStarttls: true, requireStarttls: false, verifyStarttls: false };
  const sts: TlsPolicy = { ...noPolicy('a.example', 'mx.example'), level: 'verify', origin: 'mta-sts', enforce: true };
  const dane: TlsPolicy = { ...sts, level: 'dane', origin: 'dane' };

  it('a published policy is not weakened by what we do not demand', () => {
    expect(strictest(sts, wish, 'mx.example')).toBe(sts);
    expect(strictest(sts, { ...wish, requireStarttls: true }, 'mx.example')).toBe(sts);
    expect(strictest(dane, { ...wish, verifyStarttls: true }, 'mx.example')).toBe(dane);
  });

  it('our demand is not weakened by a policy that is absent, only tested, or asks for less', () => {
    const demand = { ...wish, verifyStarttls: true };
    const testing: TlsPolicy = { ...sts, origin: 'mta-sts-testing', enforce: false };
    const unusable: TlsPolicy = { ...dane, level: 'encrypt' };
    for (const published of [noPolicy('a.example', 'mx.example'), testing, unusable])
      expect(strictest(published, demand, 'mx.example')).toMatchObject({ level: 'verify', origin: 'config', enforce: true });
    expect(strictest(testing, { ...wish, requireStarttls: true }, 'mx.example')).toMatchObject({ level: 'encrypt', enforce: true });
  });
});
