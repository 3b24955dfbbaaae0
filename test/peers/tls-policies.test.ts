/**
 * DANE and MTA-STS end to end: the built rampd, a real validating resolver and signed zones, policy servers over HTTPS, and
 * receivers whose TLS is right, wrong or missing. What a policy allows is delivered, what it forbids is not.
 */
import { createServer, type Server } from 'node:https';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsView } from '../../src/control/tls-view.js';
import { inject } from '../e2e/inject.js';
import { freePort, until, World, zones } from '../e2e/world.js';
import { Authority, type Certificate } from '../route/certificates.js';
import { noSignedDns, SignedDns, tlsaLine } from './signed-dns.js';

describe.skipIf(noSignedDns !== undefined)(`DANE and MTA-STS${noSignedDns ? ` (SKIPPED: ${noSignedDns})` : ''}`, () => {
  const ca = new Authority();
  const root = ca.make('Test root', { ca: true });
  const w = new World();
  const receivers: SMTPServer[] = [];
  /** Recipient domain → was it over TLS. */
  const delivered = new Map<string, boolean>();
  let dns: SignedDns;
  let policyServer: Server;

  const receiver = async (address: string, certificate?: Certificate): Promise<void> => {
    const server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      ...(certificate ? { cert: certificate.cert, key: certificate.key } : { disabledCommands: ['STARTTLS'] }),
      onData(stream, session, done) {
        stream.resume().on('end', () => {
          for (const { address: to } of session.envelope.rcptTo) delivered.set(to.replace(/.*@/, ''), Boolean(session.secure));
          done();
        });
      },
    });
    server.on('error', () => undefined);
    receivers.push(server);
    await new Promise<void>(up => server.listen(w.smtpPort, address, up));
  };

  const MODES: Readonly<Record<string, string>> = {
    trusted: 'enforce',
    selfsigned: 'enforce',
    unnamed: 'enforce',
    clear: 'enforce',
    testing: 'testing',
  };
  const policyOf = (host: string): string => {
    const label = host.split('.')[1] ?? '';
    return `version: STSv1\nmode: ${MODES[label]}\nmx: ${label === 'unnamed' ? 'other' : '*'}.sts.example\nmax_age: 86400\n`;
  };

  beforeAll(async () => {
    w.smtpPort = await freePort();
    const httpsPort = await freePort();
    const self = ca.make('mx-self.sts.example');
    const trusted = ca.make('mx-trusted.sts.example', { issuer: root });
    const dane = ca.make('any.name.example');
    const underRoot = ca.make('mx-ta.dane.example', { issuer: root });
    await receiver('127.0.2.61', dane);
    await receiver('127.0.2.62', { ...underRoot, cert: underRoot.cert + root.cert });
    await receiver('127.0.2.63');
    await receiver('127.0.2.64', trusted);
    await receiver('127.0.2.65', self);

    const names = Object.keys(MODES).map(label => `mta-sts.${label}.sts.example`);
    const web = ca.make('policies', { issuer: root, names });
    policyServer = createServer({ cert: web.cert, key: web.key }, (request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(policyOf(request.headers.host ?? ''));
    });
    await new Promise<void>(up => policyServer.listen(httpsPort, '127.0.2.69', up));

    const mx = (label: string, host: string): string => `${label} IN MX 10 ${host}`;
    const host = (name: string, last: number): string => `${name} IN A 127.0.2.${last}`;
    const hosts = [host('mx-good', 61), host('mx-bad', 61), host('mx-ta', 62), host('mx-clear', 63)];
    const port = w.smtpPort;
    const records = [
      tlsaLine(port, 'mx-good', dane.cert),
      tlsaLine(port, 'mx-bad', self.cert),
      tlsaLine(port, 'mx-ta', root.cert, 2, 0, 2),
      tlsaLine(port, 'mx-clear', dane.cert),
    ];
    dns = await SignedDns.start({
      'dane.example': {
        records: [
          ...hosts,
          ...records,
          mx('good', 'mx-good'),
          mx('bad', 'mx-bad'),
          mx('ta', 'mx-ta'),
          mx('clear', 'mx-clear'),
          mx('late', 'mx.late.example.'),
        ],
      },
      'late.example': { records: [host('mx', 61)], keys: 'expired' },
      // Nobody vouches for these: the record that matches nothing says nothing.
      'plain.example': { records: [mx('@', 'mx'), host('mx', 61), tlsaLine(port, 'mx', self.cert)], keys: 'unsigned' },
      'sts.example': {
        keys: 'unsigned',
        records: [
          ...Object.keys(MODES).flatMap(label => [`mta-sts.${label} IN A 127.0.2.69`, `_mta-sts.${label} IN TXT "v=STSv1; id=1;"`]),
          host('mx-trusted', 64),
          host('mx-self', 65),
          host('mx-none', 63),
          mx('trusted', 'mx-trusted'),
          mx('selfsigned', 'mx-self'),
          mx('unnamed', 'mx-trusted'),
          mx('clear', 'mx-none'),
          mx('testing', 'mx-self'),
          // A domain without a policy at the same host as one with it: they share no connection.
          mx('nopolicy', 'mx-self'),
          mx('verified', 'mx-trusted'),
          mx('unverified', 'mx-self'),
        ],
      },
    });
    writeFileSync(join(w.dir, 'root.pem'), root.cert);
    await w.prepare({
      zones: zones({}, {}),
      resolver: `{ servers: ["${dns.address}"], dnssec: true }`,
      config: `
clients: [{ from: ["127.0.0.0/8"], pool: one }]
sources: { one: { address: 127.0.1.61, host-name: one.test.example, warm-up: none } }
pools: { one: { sources: [one] } }
providers: { partner: { domains: ["*verified.sts.example"], limits: { verify-starttls: true } } }
tls: { ca: root.pem, https-port: ${httpsPort} }
`,
    });
    await w.start();
  }, 30_000);

  afterAll(async () => {
    await w.stop();
    for (const server of receivers) await new Promise<void>(down => server.close(() => down()));
    policyServer?.closeAllConnections();
    policyServer?.close();
    await dns?.stop();
    ca.remove();
  });

  /** Sends to each domain; resolves when every one of them was delivered, or says why it waits. */
  const outcome = async (...domains: string[]): Promise<Record<string, string>> => {
    await inject(w.listenPort, ...domains.map(domain => ({ from: 'news@here.example', to: [`ann@${domain}`] })));
    const told = async (): Promise<Record<string, string>> => {
      const queues = await w.client.queues();
      return Object.fromEntries(
        domains.map(domain => [
          domain,
          delivered.has(domain)
            ? `delivered ${delivered.get(domain) ? 'over TLS' : 'in the clear'}`
            : (queues.find(q => q.domain === domain)?.note ?? ''),
        ]),
      );
    };
    return until(told, all => Object.values(all).every(text => text !== ''));
  };

  it('DANE allows what its records match, and forbids what they do not, and the clear', async () => {
    const all = await outcome(
      'good.dane.example',
      'ta.dane.example',
      'bad.dane.example',
      'clear.dane.example',
      'late.dane.example',
      'plain.example',
    );
    expect(all['good.dane.example']).toBe('delivered over TLS');
    expect(all['ta.dane.example']).toBe('delivered over TLS');
    expect(all['bad.dane.example']).toMatch(/validation-failure; DANE for mx-bad\.dane\.example forbids delivery there/);
    expect(all['clear.dane.example']).toMatch(/starttls-not-supported; DANE for mx-clear\.dane\.example forbids/);
    expect(all['late.dane.example']).toMatch(/mx\.late\.example.*SERVFAIL/);
    expect(all['plain.example']).toBe('delivered over TLS');
  });

  it('MTA-STS enforced allows a trusted certificate of a host it names, and forbids the rest; tested it only counts', async () => {
    const all = await outcome(...Object.keys(MODES).map(label => `${label}.sts.example`), 'nopolicy.sts.example');
    expect(all['trusted.sts.example']).toBe('delivered over TLS');
    expect(all['selfsigned.sts.example']).toMatch(/certificate-not-trusted; the MTA-STS policy of selfsigned\.sts\.example forbids/);
    expect(all['unnamed.sts.example']).toMatch(/the MTA-STS policy of unnamed\.sts\.example names none of its MX hosts/);
    expect(all['clear.sts.example']).toMatch(/starttls-not-supported; the MTA-STS policy of clear\.sts\.example forbids/);
    expect(all['testing.sts.example']).toBe('delivered over TLS');
    expect(all['nopolicy.sts.example']).toBe('delivered over TLS');
  });

  it('verify-starttls asks the same of domains that publish nothing', async () => {
    const all = await outcome('verified.sts.example', 'unverified.sts.example');
    expect(all['verified.sts.example']).toBe('delivered over TLS');
    expect(all['unverified.sts.example']).toMatch(/certificate-not-trusted; verify-starttls forbids delivery there/);
  });

  it('says of a message why it waits', async () => {
    const { out } = await w.run('show', 'messages', '--json', '-c', w.file);
    const message = (JSON.parse(out) as { id: string; recipients: { address: string }[] }[]).find(m =>
      JSON.stringify(m).includes('bad.dane'),
    );
    expect((await w.run('why', message?.id ?? '', '-c', w.file)).out.replace(/\s+/g, ' ')).toContain(
      'DANE for mx-bad.dane.example forbids delivery there',
    );
  });

  it('shows policies and counts', async () => {
    const { out } = await w.run('show', 'tls', '--json', '-c', w.file);
    const view = JSON.parse(out) as TlsView;
    const sums = Object.fromEntries(
      view.domains.flatMap(({ domain, policies }) => policies.map(p => [`${domain} ${p.type}`, [p.succeeded > 0, p.failures[0]?.failure]])),
    );
    expect(sums).toMatchObject({
      'good.dane.example tlsa': [true, undefined],
      'bad.dane.example tlsa': [false, 'validation-failure'],
      'clear.dane.example tlsa': [false, 'starttls-not-supported'],
      'trusted.sts.example sts': [true, undefined],
      'selfsigned.sts.example sts': [false, 'certificate-not-trusted'],
      'unnamed.sts.example sts': [false, 'validation-failure'],
      'testing.sts.example sts': [false, 'certificate-not-trusted'],
    });
    expect(view.policies.map(p => `${p.domain} ${p.mode}`).sort()).toEqual(
      Object.entries(MODES)
        .map(([label, mode]) => `${label}.sts.example ${mode}`)
        .sort(),
    );
    expect((await w.run('show', 'tls', '-c', w.file)).out).toMatch(/selfsigned\.sts\.example.*MTA-STS/);
    expect((await w.status()).totals.bounced).toBe(0);
  });

  it('without validation DANE says nothing, and MTA-STS switched off neither', async () => {
    await w.end('SIGTERM');
    w.configure(text => text.replace('tls: {', 'tls: { mta-sts: false,'));
    writeFileSync(w.file, w.text().replace(', dnssec: true', ''));
    await w.start();
    await w.client.retry('*@*', { author: 'ann' });
    const all = await outcome(
      'bad.dane.example',
      'clear.dane.example',
      'selfsigned.sts.example',
      'unnamed.sts.example',
      'clear.sts.example',
    );
    expect(all).toEqual({
      'bad.dane.example': 'delivered over TLS',
      'clear.dane.example': 'delivered in the clear',
      'selfsigned.sts.example': 'delivered over TLS',
      'unnamed.sts.example': 'delivered over TLS',
      'clear.sts.example': 'delivered in the clear',
    });
  });
});
