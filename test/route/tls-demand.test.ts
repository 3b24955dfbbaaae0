import { describe, expect, it } from 'vitest';
import type { TlsaRecord, TlsResult } from '../../src/kernel/tls.js';
import { MINUTE } from '../../src/kernel/units.js';
import { siteKey } from '../../src/deliver/waiting.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import type { DnsAnswer, DnsPort } from '../../src/route/dns.js';
import type { StsState } from '../../src/route/mta-sts-policies.js';
import type { StsPolicy } from '../../src/route/mta-sts.js';
import { createRouter, type MxHost } from '../../src/route/router.js';
import { settings } from './settings.js';

const EE: TlsaRecord = { usage: 3, selector: 1, matching: 1, data: new Uint8Array(32).fill(7) };
const UNUSABLE: TlsaRecord = { ...EE, usage: 1 };

interface Answers {
  readonly mx?: readonly string[];
  readonly mxSecure?: boolean;
  readonly aSecure?: boolean;
  readonly aliasOf?: string;
  readonly tlsa?: Readonly<Record<string, DnsAnswer<TlsaRecord>>>;
  /** No validating resolver. */
  readonly plain?: boolean;
}

const found = <T>(records: readonly T[], secure: boolean): DnsAnswer<T> => ({ kind: 'found', records, ttl: MINUTE, secure });

function ground(answers: Answers, policy?: StsPolicy | 'pending', on = true) {
  const { mx = ['mx1.a.example', 'mx2.a.example'], mxSecure = true, aSecure = true } = answers;
  const reports: TlsResult[] = [];
  const asked: string[] = [];
  const dns: DnsPort = {
    mx: () =>
      Promise.resolve(
        found(
          mx.map((exchange, preference) => ({ exchange, preference })),
          mxSecure,
        ),
      ),
    a: () =>
      Promise.resolve({
        ...found(['8.8.4.4'], aSecure),
        ...(answers.aliasOf !== undefined && { aliasOf: answers.aliasOf }),
      } as DnsAnswer<string>),
    aaaa: () => Promise.resolve({ kind: 'no-data', ttl: MINUTE, secure: aSecure }),
    txt: () => Promise.resolve({ kind: 'no-data', ttl: MINUTE }),
    ptr: () => Promise.resolve({ kind: 'no-data', ttl: MINUTE }),
    ...(!answers.plain && {
      tlsa(name: string) {
        asked.push(name);
        return Promise.resolve(answers.tlsa?.[name] ?? { kind: 'no-domain' as const, ttl: MINUTE, secure: true });
      },
    }),
  };
  const state: StsState =
    policy === undefined ? { kind: 'none' } : policy === 'pending' ? { kind: 'pending', text: 'on its way' } : { kind: 'policy', policy };
  const current = settings({ tls: { mtaSts: on, minVersion: 'TLSv1.2', httpsPort: 443 } });
  const router = createRouter({
    dns,
    clock: createManualClock(0),
    settings: () => current,
    random: () => 0.5,
    sts: { policy: () => Promise.resolve(state) },
    tlsResult: result => void reports.push(result),
  });
  const hosts = async (): Promise<readonly MxHost[]> => {
    const route = await router.resolve('a.example');
    if (route.kind !== 'hosts') throw new Error(`${route.kind}: ${route.text}`);
    return route.hosts;
  };
  return { router, reports, asked, hosts, first: async () => router.tls((await hosts())[0] as MxHost) };
}

const enforce: StsPolicy = { mode: 'enforce', maxAge: 1_000, mx: ['mx1.a.example'] };

describe('MTA-STS at a domain’s MX hosts', () => {
  it('enforced: hosts it does not name are not used, the others only with a certificate for their name', async () => {
    const w = ground({ plain: true }, enforce);
    expect((await w.hosts()).map(h => h.name)).toEqual(['mx1.a.example']);
    expect(await w.first()).toMatchObject({
      kind: 'policy',
      policy: { level: 'verify', origin: 'mta-sts', enforce: true, domain: 'a.example', names: ['mx1.a.example'], mx: ['mx1.a.example'] },
    });
  });

  it('enforced: no host it names, no mail, and that is counted', async () => {
    const w = ground({ plain: true, mx: ['mx.evil.example'] }, enforce);
    expect(await w.router.resolve('a.example')).toMatchObject({
      kind: 'temporary',
      text: 'tls: the MTA-STS policy of a.example names none of its MX hosts',
    });
    expect(w.reports).toMatchObject([{ failure: 'validation-failure', mxHost: 'mx.evil.example', policy: { domain: 'a.example' } }]);
  });

  it('testing: every host is used, and what would fail is known', async () => {
    const w = ground({ plain: true }, { ...enforce, mode: 'testing' });
    const [one, two] = await w.hosts();
    expect(await w.router.tls(one as MxHost)).toMatchObject({ policy: { level: 'verify', enforce: false, origin: 'mta-sts-testing' } });
    expect(await w.router.tls(two as MxHost)).toMatchObject({ policy: { enforce: false, unnamed: true } });
  });

  it('none, absent, or switched off: nothing is demanded', async () => {
    for (const w of [
      ground({ plain: true }, { ...enforce, mode: 'none' }),
      ground({ plain: true }),
      ground({ plain: true }, enforce, false),
    ]) {
      expect((await w.hosts()).map(h => h.demand)).toEqual([undefined, undefined]);
      expect(await w.first()).toMatchObject({ policy: { level: 'opportunistic', enforce: false } });
    }
  });

  it('on its way: mail waits, it does not leave unprotected', async () => {
    expect(await ground({}, 'pending').router.resolve('a.example')).toMatchObject({ kind: 'temporary', text: 'tls: on its way' });
  });

  it('makes a site of its own: no connection is shared with domains that demand less', async () => {
    const both: StsPolicy = { ...enforce, mx: ['*.a.example'] };
    const keys = [
      ground({ plain: true }),
      ground({ plain: true }, both),
      ground({ plain: true }, { ...both, mode: 'testing' }),
      ground({}),
      ground({}, both),
    ].map(async w => siteKey(await w.hosts()));
    expect(new Set(await Promise.all(keys)).size).toBe(keys.length);
    expect(siteKey(await ground({ plain: true }, both).hosts())).toBe(await keys[1]);
  });
});

describe('DANE at an MX host', () => {
  const at = '_25._tcp.mx1.a.example';

  it('counts where MX, address and TLSA are vouched for', async () => {
    expect(await ground({ tlsa: { [at]: found([EE, UNUSABLE], true) } }).first()).toMatchObject({
      kind: 'policy',
      policy: { level: 'dane', origin: 'dane', enforce: true, tlsa: [EE], names: ['mx1.a.example', 'a.example'], mx: ['mx1.a.example'] },
    });
  });

  it.each([
    ['MX', { mxSecure: false }],
    ['address', { aSecure: false }],
    ['resolver', { plain: true }],
  ])('does not where the %s is not', async (_, answers) => {
    const w = ground({ tlsa: { [at]: found([EE], true) }, ...answers });
    expect(await w.first()).toMatchObject({ kind: 'policy', policy: { level: 'opportunistic' } });
    expect(w.asked).toEqual([]);
  });

  it('does not where the TLSA records themselves are not', async () => {
    expect(await ground({ tlsa: { [at]: found([EE], false) } }).first()).toMatchObject({ policy: { level: 'opportunistic' } });
  });

  it('a lookup that fails is no "there is none": nothing is sent there now', async () => {
    const w = ground({ tlsa: { [at]: { kind: 'failed', text: 'the name server answered SERVFAIL' } } });
    expect(await w.first()).toMatchObject({
      kind: 'temporary',
      failure: 'dnssec-invalid',
      text: `TLSA records of ${at}: the name server answered SERVFAIL`,
    });
  });

  it('records that are all unusable ask for TLS, verified by nobody', async () => {
    expect(await ground({ tlsa: { [at]: found([UNUSABLE], true) } }).first()).toMatchObject({
      policy: { level: 'encrypt', origin: 'dane', enforce: true },
    });
  });

  it('looks where an alias leads first, then at the alias', async () => {
    const w = ground({ aliasOf: 'real.b.example', tlsa: { '_25._tcp.real.b.example': found([EE], true) } });
    expect(await w.first()).toMatchObject({ policy: { level: 'dane', names: ['real.b.example', 'mx1.a.example', 'a.example'] } });
    const other = ground({ aliasOf: 'real.b.example', tlsa: { [at]: found([EE], true) } });
    expect(await other.first()).toMatchObject({ policy: { level: 'dane', names: ['mx1.a.example', 'a.example'] } });
    expect(other.asked).toEqual(['_25._tcp.real.b.example', at]);
  });

  it('wins over MTA-STS: a host with records is judged by them, one without by the policy', async () => {
    const w = ground({ tlsa: { '_25._tcp.mx2.a.example': found([EE], true) } }, enforce);
    const [one, two] = await w.hosts();
    expect(await w.router.tls(one as MxHost)).toMatchObject({ policy: { level: 'verify', origin: 'mta-sts' } });
    expect(await w.router.tls(two as MxHost)).toMatchObject({ policy: { level: 'dane' } });
    // Neither: the policy does not name it, and no record vouches for it.
    const [, bare] = await ground({}, enforce).hosts();
    expect(await ground({}, enforce).router.tls(bare as MxHost)).toMatchObject({ kind: 'temporary', failure: 'validation-failure' });
  });
});
