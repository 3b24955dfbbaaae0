/** MTA-STS of our own domains: the record, the policy behind it, and the MX hosts it has to name. */
import { expect, it } from 'vitest';
import { checkMtaSts } from '../../../src/daemon/doctor/mta-sts.js';
import type { StsFetched } from '../../../src/route/mta-sts-fetch.js';
import { examined } from './ground.js';

const POLICY = 'version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: *.mail.example.com\nmax_age: 604800\n';

async function told(
  change: { txt?: string[] | null; policy?: string | StsFetched; mx?: string[] | null; noMx?: boolean } = {},
): Promise<string[]> {
  const { txt = ['v=STSv1; id=20261120;'], policy = POLICY, mx = ['mx1.example.com', 'a.mail.example.com'] } = change;
  const asked: string[] = [];
  const failed = { kind: 'failed', text: 'SERVFAIL' } as const;
  const none = { kind: 'no-data', ttl: 60_000 } as const;
  const views = await checkMtaSts(
    'example.com',
    {
      txt: name => {
        asked.push(name);
        return Promise.resolve(txt === null ? failed : txt.length === 0 ? none : { kind: 'found', records: txt, ttl: 60_000 });
      },
      mx: () =>
        Promise.resolve(
          mx === null
            ? failed
            : change.noMx
              ? none
              : { kind: 'found', records: mx.map(exchange => ({ exchange, preference: 10 })), ttl: 60_000 },
        ),
    },
    domain => {
      asked.push(domain);
      return Promise.resolve(typeof policy === 'string' ? { ok: true, text: policy } : policy);
    },
  );
  expect(asked[0]).toBe('_mta-sts.example.com');
  return views.map(({ check, state, text }) => `${check} ${state} ${text}`);
}

it('says nothing of a domain that publishes none, or whose zone does not answer', async () => {
  expect(await told({ txt: [] })).toEqual([]);
  expect(await told({ txt: ['something else'] })).toEqual([]);
  expect(await told({ txt: null })).toEqual([]);
});

it('is well when record, policy and MX hosts agree', async () => {
  expect(await told()).toEqual(['mta-sts ok mode enforce, names all MX hosts']);
  expect(await told({ policy: 'version: STSv1\nmode: none\nmax_age: 60\n' })).toEqual(['mta-sts ok mode none: no policy is in force']);
  expect(await told({ mx: [''] })).toEqual(['mta-sts ok mode enforce, names all MX hosts']);
});

it('finds a record that nobody can read, and one without a policy behind it', async () => {
  expect(await told({ txt: ['v=STSv1'] })).toEqual(['mta-sts fail _mta-sts.example.com cannot be read: senders see no policy']);
  expect(await told({ txt: ['v=STSv1; id=1', 'v=STSv1; id=2'] })).toEqual([
    'mta-sts fail _mta-sts.example.com has 2 records: senders see no policy',
  ]);
  expect(await told({ policy: { ok: false, failure: 'sts-policy-fetch-error', text: 'the policy server answered 404' } })).toEqual([
    'mta-sts fail _mta-sts.example.com announces a policy, and https://mta-sts.example.com/.well-known/mta-sts.txt gives none: the policy server answered 404',
  ]);
  expect(await told({ policy: 'mode: enforce\n' })).toEqual([
    'mta-sts fail the policy at https://mta-sts.example.com/.well-known/mta-sts.txt cannot be read: version is not STSv1',
  ]);
});

it('finds MX hosts the policy does not name, and one that is soon forgotten', async () => {
  const mx = ['mx1.example.com', 'mx2.example.com', 'a.b.mail.example.com'];
  expect(await told({ mx })).toEqual([
    'mta-sts fail the policy does not name mx2.example.com, a.b.mail.example.com: senders refuse to deliver there',
  ]);
  expect(await told({ mx, policy: POLICY.replace('enforce', 'testing') })).toEqual([
    'mta-sts warn the policy does not name mx2.example.com, a.b.mail.example.com: in mode enforce senders would refuse to deliver there',
  ]);
  expect(await told({ noMx: true })).toEqual(['mta-sts fail the policy does not name example.com: senders refuse to deliver there']);
  expect(await told({ mx: null })).toEqual(['mta-sts unknown its MX hosts cannot be looked up: SERVFAIL']);
  expect(await told({ policy: POLICY.replace('604800', '3600') })).toEqual(['mta-sts warn mode enforce, but forgotten after 3600 s']);
});

it('is one of the checks of a domain', async () => {
  const { of } = await examined({ zones: { '_mta-sts.example.com': { txt: ['v=STSv1; id=1'] } } });
  expect(of('mta-sts')).toMatchObject([{ state: 'fail', text: expect.stringContaining('mta-sts.example.com has no address') as string }]);
});
