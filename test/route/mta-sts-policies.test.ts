import { describe, expect, it } from 'vitest';
import type { TlsResult } from '../../src/kernel/tls.js';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import type { DnsAnswer } from '../../src/route/dns.js';
import type { StsFetched } from '../../src/route/mta-sts-fetch.js';
import { createStsPolicies } from '../../src/route/mta-sts-policies.js';

const policyText = (mode: string, age = 86_400 * 14): string => `version: STSv1\nmode: ${mode}\nmx: mx.a.example\nmax_age: ${age}\n`;

function ground(before: unknown = undefined, clock = createManualClock(1_700_000_000_000)) {
  const world = {
    clock,
    id: '1' as string | undefined,
    dnsFails: false,
    answer: { ok: true, text: policyText('enforce') } as StsFetched | Promise<StsFetched>,
    fetched: 0,
    saved: 0,
    reports: [] as TlsResult[],
    policies: undefined as unknown as ReturnType<typeof createStsPolicies>,
  };
  world.policies = createStsPolicies({
    clock,
    txt(): Promise<DnsAnswer<string>> {
      if (world.dnsFails) return Promise.resolve({ kind: 'failed', text: 'SERVFAIL' });
      if (world.id === undefined) return Promise.resolve({ kind: 'no-domain', ttl: MINUTE });
      return Promise.resolve({ kind: 'found', records: [`v=STSv1; id=${world.id}`], ttl: MINUTE });
    },
    fetch() {
      world.fetched++;
      return Promise.resolve(world.answer);
    },
    before,
    changed: () => void world.saved++,
    report: result => void world.reports.push(result),
    patience: 20,
  });
  const mode = async (): Promise<string> => {
    const state = await world.policies.policy('a.example');
    return state.kind === 'policy' ? state.policy.mode : state.kind;
  };
  return Object.assign(world, { mode });
}

describe('MTA-STS policies', () => {
  it('are fetched once, and again when the id changes', async () => {
    const w = ground();
    expect(await Promise.all([w.mode(), w.mode()])).toEqual(['enforce', 'enforce']);
    w.clock.advance(HOUR);
    expect(await w.mode()).toBe('enforce');
    expect(w.fetched).toBe(1);
    w.id = '2';
    w.answer = { ok: true, text: policyText('testing') };
    w.clock.advance(HOUR);
    expect(await w.mode()).toBe('testing');
    expect([w.fetched, w.saved]).toEqual([2, 2]);
  });

  it('are not asked for where no record names one', async () => {
    const w = ground();
    w.id = undefined;
    expect(await w.mode()).toBe('none');
    expect(w.fetched).toBe(0);
  });

  it('hold though the record goes, DNS fails, or the server serves nonsense: only another policy ends one', async () => {
    const w = ground();
    await w.mode();
    w.id = undefined;
    w.clock.advance(HOUR);
    expect(await w.mode()).toBe('enforce');
    w.dnsFails = true;
    w.clock.advance(HOUR);
    expect(await w.mode()).toBe('enforce');
    w.dnsFails = false;
    w.id = '2';
    w.answer = { ok: true, text: '<html>' };
    w.clock.advance(HOUR);
    expect(await w.mode()).toBe('enforce');
    expect(w.reports.map(r => [r.failure, r.policy.domain])).toEqual([['sts-policy-invalid', 'a.example']]);
  });

  it('end with their max_age', async () => {
    const w = ground();
    await w.mode();
    w.id = undefined;
    w.clock.advance(14 * DAY - 1);
    expect(await w.mode()).toBe('enforce');
    w.clock.advance(1);
    expect(await w.mode()).toBe('none');
    expect(w.policies.kept()).toEqual([]);
  });

  it('outlive a restart, and a file of any shape does no harm', async () => {
    const w = ground();
    await w.mode();
    const again = ground(JSON.parse(JSON.stringify(w.policies.kept())) as unknown, w.clock);
    again.dnsFails = true;
    expect(await again.mode()).toBe('enforce');
    for (const bad of [
      null,
      {},
      'x',
      [null],
      [{ domain: 'a.example' }],
      [{ ...w.policies.kept()[0], policy: { mode: 'enforce', maxAge: 'x', mx: [] } }],
    ])
      expect(ground(bad).policies.kept()).toEqual([]);
  });

  it('that cannot be had are not asked for at once again, each time later; the failure is counted', async () => {
    const w = ground();
    w.answer = { ok: false, failure: 'sts-webpki-invalid', text: 'self-signed certificate' };
    expect(await w.mode()).toBe('none');
    w.clock.advance(5 * MINUTE - 1);
    await w.mode();
    expect(w.fetched).toBe(1);
    w.clock.advance(1);
    await w.mode();
    expect(w.fetched).toBe(2);
    w.clock.advance(5 * MINUTE);
    await w.mode();
    expect(w.fetched).toBe(2);
    w.clock.advance(5 * MINUTE);
    await w.mode();
    expect(w.fetched).toBe(3);
    expect(w.reports.map(r => r.failure)).toEqual(Array(3).fill('sts-webpki-invalid'));
  });

  it('that are long in coming make the first mail wait, and hold nobody else up', async () => {
    const w = ground();
    let come: (fetched: StsFetched) => void = () => undefined;
    w.answer = new Promise(resolve => (come = resolve));
    expect(await w.mode()).toBe('pending');
    expect(await w.mode()).toBe('pending');
    come({ ok: true, text: policyText('enforce') });
    expect(await w.mode()).toBe('enforce');
    expect(w.fetched).toBe(1);
  });

  it('are refreshed before they expire, and a refresh that fails leaves them', async () => {
    const w = ground();
    await w.mode();
    await w.policies.refresh();
    expect(w.fetched).toBe(1);
    w.clock.advance(DAY);
    await w.policies.refresh();
    expect(w.fetched).toBe(2);
    w.answer = { ok: false, failure: 'sts-policy-fetch-error', text: 'nobody there' };
    w.clock.advance(13 * DAY);
    await w.policies.refresh();
    expect(w.fetched).toBe(3);
    // Counted from the refresh, not from the first fetch.
    w.clock.advance(DAY / 2);
    expect(await w.mode()).toBe('enforce');
  });
});
