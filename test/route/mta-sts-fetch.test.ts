import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createStsFetch, type StsFetched } from '../../src/route/mta-sts-fetch.js';
import type { HostAddresses, MxHost } from '../../src/route/router.js';
import { Authority } from './certificates.js';
import { settings } from './settings.js';

const ca = new Authority();
const root = ca.make('Test root', { ca: true });
const good = ca.make('mta-sts.a.example', { issuer: root });
const POLICY = 'version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 86400\n';
let server: Server | undefined;
const asked: string[] = [];

afterEach(() => {
  asked.length = 0;
  server?.closeAllConnections();
  server?.close();
});
afterAll(() => ca.remove());

const plain = (body: string | Buffer, status = 200, headers: Record<string, string> = { 'content-type': 'text/plain; charset=utf-8' }) =>
  ((_, response) => void response.writeHead(status, headers).end(body)) satisfies Answer;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function fetchFrom(
  answer: Answer,
  {
    cert = good,
    trust = true,
    timeout = 5_000,
    addresses,
  }: { cert?: typeof good; trust?: boolean; timeout?: number; addresses?: HostAddresses } = {},
): Promise<StsFetched> {
  server = createServer({ cert: cert.cert, key: cert.key }, (request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>(done => server?.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const tls = { mtaSts: true, minVersion: 'TLSv1.2' as const, httpsPort: port, ...(trust && { ca: { file: 'root.pem', pem: root.cert } }) };
  const looked: MxHost[] = [];
  const fetch = createStsFetch({
    settings: () => settings({ tls }),
    addresses(host) {
      looked.push(host);
      return Promise.resolve(addresses ?? { addresses: ['127.0.0.1'] });
    },
    timeout,
  });
  const fetched = await fetch('a.example');
  expect(looked.map(h => [h.name, h.static])).toEqual([['mta-sts.a.example', false]]);
  return fetched;
}

describe('the fetch of an MTA-STS policy', () => {
  it('asks the well-known place of the domain’s policy host', async () => {
    expect(await fetchFrom(plain(POLICY))).toEqual({ ok: true, text: POLICY });
    expect(asked).toEqual([expect.stringMatching(/^mta-sts\.a\.example(:\d+)? \/\.well-known\/mta-sts\.txt$/)]);
  });

  it('believes no certificate that is not trusted, for another name, or out of date', async () => {
    expect(await fetchFrom(plain(POLICY), { trust: false })).toMatchObject({ ok: false, failure: 'sts-webpki-invalid' });
    expect(await fetchFrom(plain(POLICY), { cert: ca.make('www.a.example', { issuer: root }) })).toMatchObject({
      failure: 'sts-webpki-invalid',
    });
    expect(await fetchFrom(plain(POLICY), { cert: ca.make('mta-sts.a.example') })).toMatchObject({ failure: 'sts-webpki-invalid' });
    expect(asked).toEqual([]);
  });

  it('follows no redirect, and takes nothing but 200 and text/plain', async () => {
    expect(await fetchFrom(plain('', 302, { location: 'https://mta-sts.a.example/other' }))).toMatchObject({
      ok: false,
      text: 'the policy server answered 302',
    });
    expect(asked.length).toBe(1);
    expect(await fetchFrom(plain(POLICY, 404))).toMatchObject({ ok: false, failure: 'sts-policy-fetch-error' });
    expect(await fetchFrom(plain(POLICY, 200, { 'content-type': 'text/html' }))).toMatchObject({
      ok: false,
      text: expect.stringContaining('text/html') as string,
    });
    expect(await fetchFrom(plain(POLICY, 200, {}))).toMatchObject({ ok: false });
  });

  it('reads at most 64 KB', async () => {
    expect(await fetchFrom(plain('#'.repeat(65 * 1024)))).toMatchObject({ ok: false, text: 'the policy is longer than 65536 bytes' });
    const endless: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = (): void =>
        void (response.destroyed || (response.write('#'.repeat(16_384)) ? setImmediate(more) : response.once('drain', more)));
      more();
    };
    expect(await fetchFrom(endless)).toMatchObject({ ok: false, text: 'the policy is longer than 65536 bytes' });
  });

  it('does not wait for ever', async () => {
    expect(await fetchFrom(() => undefined, { timeout: 100 })).toEqual({
      ok: false,
      failure: 'sts-policy-fetch-error',
      text: 'the policy did not come within 0.1 s',
    });
    const half: Answer = (_, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).write('version:');
    expect(await fetchFrom(half, { timeout: 200 })).toMatchObject({ ok: false });
    const broken: Answer = (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '99' }).write('x', () => response.destroy());
    expect(await fetchFrom(broken)).toMatchObject({ ok: false, failure: 'sts-policy-fetch-error' });
  });

  it('goes nowhere the router forbids', async () => {
    expect(await fetchFrom(plain(POLICY), { addresses: { none: 'mta-sts.a.example resolves to private addresses only' } })).toEqual({
      ok: false,
      failure: 'sts-policy-fetch-error',
      text: 'mta-sts.a.example resolves to private addresses only',
    });
    expect(asked).toEqual([]);
  });
});
