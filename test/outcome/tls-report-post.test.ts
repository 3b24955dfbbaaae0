/** TLS reports by POST, to real HTTPS servers: what arrives, and whom nothing is sent to. */
import https from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReportPost, type ReportPost, type ReportPostPorts } from '../../src/outcome/tls-report-post.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';

const CERTIFICATE = makeSelfSigned('reports.example', Date.now());
const REPORT = gzipSync(JSON.stringify({ 'report-id': 'x' }));

let got: { method: string; url: string; type: string; host: string; body: Buffer }[];
let answer: (response: ServerResponse) => void;
let connections = 0;
let port: number;
const asked: string[] = [];

const server = https.createServer({ key: CERTIFICATE.key, cert: CERTIFICATE.cert }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    got.push({ method, url, type: headers['content-type'] ?? '', host: headers.host ?? '', body: Buffer.concat(chunks) });
    answer(response);
  });
});
server.on('connection', () => connections++);

beforeAll(async () => {
  await new Promise<void>(up => server.listen(0, '127.0.0.1', up));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise(down => server.close(down));
});
beforeEach(() => {
  got = [];
  connections = 0;
  asked.length = 0;
  answer = response => response.writeHead(201).end('thanks\u0007\r\nX: y');
});

const post = (more: Partial<ReportPostPorts> = {}): ReportPost =>
  createReportPost({
    addresses: (host, at) => {
      asked.push(`${host}:${at}`);
      return Promise.resolve({ addresses: ['127.0.0.1'] });
    },
    ca: () => CERTIFICATE.cert,
    port: () => port,
    timeout: 5_000,
    ...more,
  });
const never = new AbortController().signal;

describe('a report by POST', () => {
  it('arrives gzipped and named as such; what the answer says is printable', async () => {
    expect(await post()('https://reports.example/v1?of=us', REPORT, never)).toEqual({ status: 201, text: '201 thanks X: y' });
    expect(await post({ port: () => 1 })(`https://reports.example:${port}/`, REPORT, never)).toMatchObject({ status: 201 });
    expect(got.map(({ method, url, type }) => ({ method, url, type }))).toEqual([
      { method: 'POST', url: '/v1?of=us', type: 'application/tlsrpt+gzip' },
      { method: 'POST', url: '/', type: 'application/tlsrpt+gzip' },
    ]);
    expect(got[0]?.host).toBe(`reports.example:${port}`);
    expect(gunzipSync(got[0]?.body ?? '').toString()).toBe('{"report-id":"x"}');
    expect(asked).toEqual([`reports.example:${port}`, `reports.example:${port}`]);
  });

  it('goes to nobody whose certificate is not trusted, or names somebody else', async () => {
    await expect(post({ ca: () => undefined })('https://reports.example/', REPORT, never)).rejects.toThrow(/self-signed certificate/);
    await expect(post()('https://other.example/', REPORT, never)).rejects.toThrow(/does not match certificate/);
    await expect(post()('https://127.0.0.1/', REPORT, never)).rejects.toThrow(/does not match certificate/);
    expect(got).toEqual([]);
  });

  it('asks no host at an address that mail may not go to', async () => {
    const nowhere = post({ addresses: host => Promise.resolve({ none: `${host} resolves to private addresses only` }) });
    await expect(nowhere('https://[::1]/', REPORT, never)).rejects.toThrow('::1 resolves to private addresses only');
    expect(connections).toBe(0);
  });

  it('follows no redirect', async () => {
    answer = response => response.writeHead(307, { location: `https://reports.example:${port}/other` }).end();
    expect(await post()('https://reports.example/', REPORT, never)).toMatchObject({ status: 307 });
    expect(got).toHaveLength(1);
  });

  it('waits for no answer longer than it may, and reads no endless one', async () => {
    answer = () => undefined;
    await expect(post({ timeout: 50 })('https://reports.example/', REPORT, never)).rejects.toThrow('no answer within 50ms');
    let closed: (() => void) | undefined;
    const left = new Promise<void>(resolve => (closed = resolve));
    answer = response => {
      const more = (): void => void response.write('x'.repeat(10_000), error => (error ? undefined : more()));
      response.writeHead(200).on('close', () => closed?.());
      more();
    };
    expect((await post()('https://reports.example/', REPORT, never)).status).toBe(200);
    await left;
  });

  it('is broken off when rampd stops', async () => {
    const stopping = new AbortController();
    answer = () => stopping.abort();
    await expect(post()('https://reports.example/', REPORT, stopping.signal)).rejects.toThrow('rampd stops');
    await expect(post()('https://reports.example/', REPORT, stopping.signal)).rejects.toThrow('rampd stops');
    expect(got).toHaveLength(1);
  });
});
