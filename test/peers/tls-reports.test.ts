/**
 * A day of TLS that ended while rampd was down is reported when it starts: a file, signed mail through its own spool, read by a
 * MIME parser that is not ours, and a POST to an HTTPS server whose certificate is verified.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { freePort, until, World, zones } from '../e2e/world.js';

const PYTHON = '/usr/bin/python3';
const PARSE = `
import email, email.policy, gzip, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(m.iter_parts())
print(json.dumps({
  "type": m.get_content_type(), "report": m.get_param("report-type"), "domain": m["TLS-Report-Domain"], "submitter": m["TLS-Report-Submitter"],
  "subject": m["Subject"], "signed": m["DKIM-Signature"] is not None, "parts": [p.get_content_type() for p in parts], "file": parts[1].get_filename(),
  "defects": [str(d) for p in m.walk() for d in p.defects], "json": json.loads(gzip.decompress(parts[1].get_content()))}))
`;

describe.skipIf(!existsSync(PYTHON))(`reports of TLS${existsSync(PYTHON) ? '' : ' (SKIPPED: python3 is not installed)'}`, () => {
  const w = new World();
  let mail: Buffer | undefined;
  let server: SMTPServer;
  let posted: { readonly type: string | undefined; readonly body: Buffer } | undefined;
  const certificate = makeSelfSigned('mx.reports.example', Date.now());
  const web = https.createServer(certificate, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posted = { type: request.headers['content-type'], body: Buffer.concat(chunks) };
      response.writeHead(201).end();
    });
  });

  beforeAll(async () => {
    await new Promise<void>(up => web.listen(0, '127.0.2.66', up));
    const { port } = web.address() as AddressInfo;
    writeFileSync(join(w.dir, 'roots.pem'), certificate.cert);
    w.smtpPort = await freePort();
    server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, done) {
        const chunks: Buffer[] = [];
        stream
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => {
            mail = Buffer.concat(chunks);
            done();
          });
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>(up => server.listen(w.smtpPort, '127.0.2.66', up));
    const key = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519']);
    writeFileSync(join(w.dir, 'dkim.pem'), key);
    await w.prepare({
      zones: {
        ...zones({ 'reports.example': 'mx.reports.example' }, { 'mx.reports.example': '127.0.2.66' }),
        '_smtp._tls.counted.example': { txt: [`v=TLSRPTv1; rua=mailto:tls@reports.example,https://mx.reports.example:${port}/v1`] },
      },
      config: `
clients: [{ from: ["127.0.0.0/8"], pool: one }]
sources: { one: { address: 127.0.1.66, host-name: one.test.example, warm-up: none } }
pools: { one: { sources: [one] } }
dkim: [{ domain: here.example, selector: s1, key: dkim.pem }]
tls: { ca: roots.pem, report: { from: tls@here.example, organization: Here } }
`,
    });
    const policy = {
      type: 'sts',
      domain: 'counted.example',
      text: ['version: STSv1'],
      mx: ['mx.counted.example'],
      succeeded: 12,
      failed: 0,
      failures: [],
    };
    mkdirSync(w.stateDir, { recursive: true });
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    writeFileSync(join(w.stateDir, 'tls-counts.json'), JSON.stringify([{ day: yesterday, domain: 'counted.example', policies: [policy] }]));
    await w.start();
  });
  afterAll(async () => {
    await w.stop();
    await new Promise<void>(down => server.close(() => down()));
    web.closeAllConnections();
    await new Promise(down => web.close(down));
  });

  it('are made, signed, sent to whom the domain names, and kept', async () => {
    await until(
      () => mail,
      got => got !== undefined,
    );
    const read = JSON.parse(execFileSync(PYTHON, ['-c', PARSE], { input: mail }).toString()) as Record<string, unknown>;
    expect(read).toMatchObject({
      type: 'multipart/report',
      report: 'tlsrpt',
      domain: 'counted.example',
      submitter: 'mta.test.example',
      signed: true,
      parts: ['text/plain', 'application/tlsrpt+gzip'],
      defects: [],
      json: { 'organization-name': 'Here', policies: [{ summary: { 'total-successful-session-count': 12 } }] },
    });
    expect(read.subject).toMatch(/^Report Domain: counted\.example Submitter: mta\.test\.example Report-ID: <.*@mta\.test\.example>$/);
    expect(readdirSync(join(w.stateDir, 'tls-reports'))).toEqual([read.file]);
    await until(
      () => posted,
      got => got !== undefined,
    );
    expect(posted?.type).toBe('application/tlsrpt+gzip');
    expect(JSON.parse(gunzipSync(posted?.body ?? '').toString())).toEqual(read.json);
  });
});
