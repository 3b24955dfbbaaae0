/** TLS sessions taken up again, by whom, and never past a policy; what is counted of every handshake. */
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connector } from '../../src/deliver/connect.js';
import { Dialogue } from '../../src/deliver/dialogue.js';
import { HostMemory } from '../../src/deliver/host-memory.js';
import { TlsGuard } from '../../src/deliver/tls-guard.js';
import { Events } from '../../src/kernel/events.js';
import { TLS_DEFAULTS, type Settings, type Source } from '../../src/kernel/settings.js';
import type { TlsResult } from '../../src/kernel/tls.js';
import { HOUR } from '../../src/kernel/units.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';
import { certificateOf, LIMITS, play, policyOf, SOURCE } from './scripted-host.js';

const HOST = 'mx1.example';
let server: net.Server;
/** Of each handshake: was a session taken up again, and which name was asked for? */
let handshakes: { readonly reused: boolean; readonly asked: string | false }[];
let version: string | null;
/** That the server speaks. */
let newest: 'TLSv1.2' | 'TLSv1.3';
let clock: ManualClock;
let connector: Connector;
let policy: string;
let settings: Settings;

beforeEach(async () => {
  handshakes = [];
  policy = 'none';
  newest = 'TLSv1.3';
  clock = createManualClock(Date.now());
  settings = { tls: { ...TLS_DEFAULTS, ca: { file: 'ca.pem', pem: certificateOf(HOST).cert } } } as Settings;
  // One context, as a real server has: tickets are sealed with its keys.
  const contexts = {
    'TLSv1.2': tls.createSecureContext({ ...certificateOf(HOST), maxVersion: 'TLSv1.2' }),
    'TLSv1.3': tls.createSecureContext(certificateOf(HOST)),
  };
  server = net.createServer(plain => {
    plain.on('error', () => undefined);
    plain.write('220 mx1.example ESMTP\r\n');
    plain.once('data', () => plain.write('250-mx1.example\r\n250 STARTTLS\r\n'));
    plain.once('data', () =>
      plain.once('data', () => {
        plain.removeAllListeners('data');
        plain.write('220 go ahead\r\n');
        const secure = new tls.TLSSocket(plain, { isServer: true, secureContext: contexts[newest] });
        secure.on('error', () => undefined);
        secure.once('secure', () => {
          version = secure.getProtocol();
          handshakes.push({ reused: secure.isSessionReused(), asked: (secure as { servername?: string | false }).servername ?? false });
        });
        secure.on('data', () => secure.write('250 mx1.example\r\n'));
      }),
    );
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  connector = new Connector({
    clock,
    events: new Events(),
    settings: () => settings,
    router: {
      order: hosts => [...hosts],
      addresses: () => Promise.resolve({ addresses: ['127.0.0.1'] }),
      tls: host => Promise.resolve(policyOf(policy, host.name)),
    },
    memory: new HostMemory(clock),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    dialogue: new Dialogue(clock),
  });
});
afterEach(() => void server.close());

async function connect(source: Source = SOURCE): Promise<string> {
  const { port } = server.address() as net.AddressInfo;
  const opened = await connector.open({ source, provider: 'p' }, [{ name: HOST, preference: 0, port, static: false }], LIMITS, {
    aboutUs: () => false,
    another: () => false,
  });
  if (!('connection' in opened)) return opened.reply.line;
  opened.connection.close();
  return opened.tls ? 'tls' : 'clear';
}
const reused = (): boolean[] => handshakes.map(h => h.reused);

describe('a session', () => {
  it('is taken up again by the same source, within the hour', async () => {
    expect([await connect(), await connect(), await connect()]).toEqual(['tls', 'tls', 'tls']);
    expect(version).toBe('TLSv1.3');
    expect(reused()).toEqual([false, true, true]);
    clock.advance(HOUR);
    await connect();
    expect(reused()).toEqual([false, true, true, false]);
  });

  it('is verified anew after an hour, however often it was taken up in between', async () => {
    policy = 'mta-sts';
    for (let third = 0; third < 4; third++) {
      expect(await connect()).toBe('tls');
      clock.advance(HOUR / 3);
    }
    expect(reused()).toEqual([false, true, true, false]);
  });

  it('is not another source’s', async () => {
    await connect();
    await connect({ ...SOURCE, name: 'cold' });
    expect(reused()).toEqual([false, false]);
  });

  it('that nobody verified is not taken up by mail under a policy', async () => {
    await connect();
    policy = 'dane-of-another';
    expect(await connect()).toMatch(/no TLSA record matches/);
    expect(await connect()).toMatch(/no TLSA record matches/);
    policy = 'mta-sts';
    expect([await connect(), await connect()]).toEqual(['tls', 'tls']);
    expect(reused()).toEqual([false, false, false, false, true]);
  });
});

describe('a handshake', () => {
  it('asks for the host by name', async () => {
    await connect();
    expect(handshakes[0]?.asked).toBe(HOST);
  });

  it('is not made in an older version than is allowed', async () => {
    newest = 'TLSv1.2';
    await connect();
    expect(version).toBe('TLSv1.2');
    settings = { tls: { ...TLS_DEFAULTS, minVersion: 'TLSv1.3' } } as Settings;
    expect(await connect({ ...SOURCE, name: 'cold' })).toMatch(/STARTTLS failed/);
    expect(handshakes).toHaveLength(1);
  });
});

describe('what is counted', () => {
  const tlsDialogue = (host: string, of = ''): string =>
    `== ${host}\nS: 220 hi\nC: EHLO *\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n-- tls ${of}\nC: EHLO *\nS: 250 hi\n`;
  const counted = async (text: string): Promise<Partial<TlsResult>[]> => {
    const { results, left } = await play(text, [certificateOf(HOST).cert, certificateOf('other.example').cert]);
    expect(left).toEqual([]);
    return results.map(({ failure, mxHost, sourceIp, receivingIp }) => ({ ...(failure && { failure }), mxHost, sourceIp, receivingIp }));
  };
  const from = { mxHost: HOST, sourceIp: '127.0.0.1', receivingIp: '127.0.0.1' };

  it('is a success', async () => {
    expect(await counted(`policy mta-sts\n${tlsDialogue(HOST, HOST)}=> ready`)).toEqual([from]);
  });

  it('is a failure of a policy in testing, though mail goes', async () => {
    expect(await counted(`policy mta-sts-testing\n${tlsDialogue(HOST, 'other.example')}=> ready`)).toEqual([
      { ...from, failure: 'certificate-host-mismatch' },
    ]);
  });

  it('is a host without STARTTLS', async () => {
    expect(await counted(`== ${HOST}\nS: 220 hi\nC: EHLO *\nS: 250 hi\n=> ready`)).toEqual([
      { ...from, failure: 'starttls-not-supported' },
    ]);
  });

  it('is one failure, when mail goes in the clear after it', async () => {
    const broken = `== ${HOST}\nS: 220 hi\nC: EHLO *\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n-- garbage\n`;
    expect(await counted(`${broken}== ${HOST}\nS: 220 hi\nC: EHLO *\nS: 250 hi\n=> ready`)).toEqual([
      { ...from, failure: 'validation-failure' },
    ]);
  });

  it('is a failure of every session that goes in the clear while TLS is known to be broken', async () => {
    const memory = new HostMemory(clock);
    const events = new Events();
    const results: TlsResult[] = [];
    events.on('tls', result => results.push(result));
    const target = { source: SOURCE, provider: 'p', sharing: () => [], limits: LIMITS, address: '127.0.0.1' };
    const host = { name: HOST, preference: 0, port: 25, static: false };
    const tls = policyOf('none', HOST);
    const guard = new TlsGuard(clock, events, memory);
    if (tls.kind !== 'policy') throw new Error('no policy');
    expect(guard.manner({ ...target, host, tls }, tls.policy)).toBe('offered');
    guard.countBroken({ ...target, host, tls }, tls.policy);
    expect(results).toEqual([]);
    memory.tlsFailed({ source: 'hot', provider: 'p', host: HOST, address: '127.0.0.1' }, 'broken');
    expect(guard.manner({ ...target, host, tls }, tls.policy)).toBe('clear');
    guard.countBroken({ ...target, host, tls }, tls.policy);
    expect(results).toMatchObject([{ failure: 'validation-failure', detail: 'broken', mxHost: HOST }]);
    // Where a policy is enforced, what is known of the host changes nothing.
    expect(guard.manner({ ...target, host, tls }, { ...tls.policy, enforce: true, level: 'verify' })).toBe('starttls');
  });

  it('is a policy that cannot be known, without an address', async () => {
    expect(await counted(`host ${HOST}\npolicy unknown\n=> tls`)).toEqual([{ ...from, failure: 'dnssec-invalid', receivingIp: '' }]);
  });

  it('is nothing where TLS is not wanted', async () => {
    expect(await counted(`limit useStarttls false\n== ${HOST}\nS: 220 hi\nC: EHLO *\nS: 250 hi\n=> ready`)).toEqual([]);
  });
});
