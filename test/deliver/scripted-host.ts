/**
 * MX hosts that follow a transcript to the letter, and what the connector made of them.
 *
 * A transcript: `limit KEY`, `policy NAME`, `host NAME WORDS`, `connections MOST` lines first; then one `== HOST` section for every connection,
 * in the order in which they must come; then `=> ` and the end expected. Within a section `S:` is sent (lines that follow
 * one another in one write), `C:` must come, `*` stands for anything; `-- tls` is a handshake, `-- garbage` what is none,
 * `-- close` closes, `-- silent` says nothing more.
 */
import { createHash, X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { Connector } from '../../src/deliver/connect.js';
import { Dialogue } from '../../src/deliver/dialogue.js';
import type { Failed, Opened } from '../../src/deliver/target.js';
import { HostMemory } from '../../src/deliver/host-memory.js';
import { isAboutUs } from '../../src/deliver/refusal.js';
import { BUILT_IN_LIMITS } from '../../src/govern/limits.js';
import { Events } from '../../src/kernel/events.js';
import type { LaneLimits } from '../../src/kernel/governor.js';
import { TLS_DEFAULTS, type Settings, type Source } from '../../src/kernel/settings.js';
import { globMatches } from '../../src/kernel/text.js';
import { noPolicy, type HostTls, type TlsPolicy, type TlsResult } from '../../src/kernel/tls.js';
import { Classifier } from '../../src/outcome/classify.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import type { MxHost } from '../../src/route/router.js';

export const SOURCE: Source = {
  name: 'hot',
  address: '127.0.0.1',
  hostName: 'mta.example',
  limits: {},
  from: { file: 'test.yaml', line: 1, col: 1 },
};

export const LIMITS: LaneLimits = {
  maxMsgPerConnection: 100,
  maxErrorsPerConnection: 10,
  maxRcptPerMessage: 50,
  retryAfter: [600_000],
  bounceAfter: 86_400_000,
  maxAttempts: Infinity,
  useStarttls: true,
  requireStarttls: false,
  verifyStarttls: false,
  connectTimeout: BUILT_IN_LIMITS.connectTimeout.value,
  idleTimeout: 5_000,
};

/** Good certificates of these names, and one of another's. */
const certificates = new Map<string, { key: string; cert: string }>();
export function certificateOf(name: string): { key: string; cert: string } {
  let made = certificates.get(name);
  if (!made) certificates.set(name, (made = makeSelfSigned(name, Date.now())));
  return made;
}

const spki = (pem: string, digest: string): Buffer =>
  createHash(digest)
    .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest();

/** By the names transcripts use. */
export function policyOf(name: string, host: string): HostTls {
  const base = noPolicy('rcpt.example', host);
  const policy = (parts: Partial<TlsPolicy>): HostTls => ({ kind: 'policy', policy: { ...base, enforce: true, ...parts } });
  const tlsa = (of: string) => [{ usage: 3, selector: 1, matching: 1, data: spki(certificateOf(of).cert, 'sha256') }];
  switch (name) {
    case 'none':
      return { kind: 'policy', policy: base };
    case 'mta-sts':
      return policy({ level: 'verify', origin: 'mta-sts' });
    case 'mta-sts-testing':
      return policy({ level: 'verify', origin: 'mta-sts-testing', enforce: false });
    case 'dane':
      return policy({ level: 'dane', origin: 'dane', tlsa: tlsa(host) });
    case 'dane-of-another':
      return policy({ level: 'dane', origin: 'dane', tlsa: tlsa('other.example') });
    case 'unknown':
      return { kind: 'temporary', policy: base, failure: 'dnssec-invalid', text: 'its TLSA records cannot be validated' };
    default:
      throw new Error(`no policy ${name}`);
  }
}

interface Section {
  readonly host: string;
  readonly steps: readonly string[];
}

export interface Played {
  /** What came of it, written as the transcript writes it. */
  readonly end: string;
  /** What the transcript expects. */
  readonly expected: string;
  /** Steps of the transcript that nothing came to. */
  readonly left: readonly string[];
  readonly results: readonly TlsResult[];
}

/** Plays one transcript. `trusted`: roots the connector knows besides node's. */
export async function play(text: string, trusted: readonly string[] = []): Promise<Played> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const head = lines.slice(
    0,
    lines.findIndex(line => line.startsWith('==') || line.startsWith('=>')),
  );
  const sections: Section[] = [];
  for (const line of lines.slice(head.length)) {
    if (line.startsWith('== ')) sections.push({ host: line.slice(3), steps: [] });
    else if (!line.startsWith('=>')) (sections.at(-1)?.steps as string[]).push(line);
  }
  const words = (key: string) => head.filter(line => line.startsWith(`${key} `)).map(line => line.split(' ').slice(1));
  const limits = { ...LIMITS, ...Object.fromEntries(words('limit').map(([key, value]) => [key, JSON.parse(value ?? 'true') as unknown])) };
  const hosts = await servers(sections, words('host'));
  try {
    const policies = new Map(words('policy').map(([name = '', host]) => [host ?? '*', name]));
    const results: TlsResult[] = [];
    const events = new Events();
    events.on('tls', result => results.push(result));
    const clock = createManualClock(Date.now());
    const connector = new Connector({
      clock,
      events,
      settings: () => ({ tls: { ...TLS_DEFAULTS, ca: { file: 'ca.pem', pem: trusted.join('\n') } } }) as Settings,
      router: {
        order: list => [...list],
        addresses: () => Promise.resolve({ addresses: ['127.0.0.1'] }),
        tls: host => Promise.resolve(policyOf(policies.get(host.name) ?? policies.get('*') ?? 'none', host.name)),
      },
      memory: new HostMemory(clock),
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      dialogue: new Dialogue(clock),
    });
    const classifier = new Classifier(new Map());
    let more = Number(words('connections')[0]?.[0] ?? Infinity) - 1;
    const classify = (failed: Failed) =>
      classifier.classify(failed.reply, { provider: 'p', phase: failed.phase, recipientDomain: 'rcpt.example' });
    const opened = await connector.open({ source: SOURCE, provider: 'p' }, hosts.list, limits, {
      aboutUs: failed => isAboutUs(classify(failed)),
      another: () => more-- > 0,
    });
    if ('connection' in opened) opened.connection.close();
    await hosts.quiet();
    const end = 'connection' in opened ? readyLine(opened) : `${opened.phase} ${classify(opened).class} ${opened.reply.line}`;
    return { end, expected: lines.at(-1)?.replace(/^=> ?/, '') ?? '', left: hosts.left(), results };
  } finally {
    hosts.stop();
  }
}

const readyLine = (opened: Opened): string => `ready ${opened.host} ${opened.tls ? 'tls' : 'clear'}`;

interface Servers {
  readonly list: readonly MxHost[];
  left(): string[];
  /** Resolves when every section that was begun has come as far as it could. */
  quiet(): Promise<void>;
  stop(): void;
}

async function servers(sections: readonly Section[], told: readonly (readonly string[])[]): Promise<Servers> {
  const names = [...new Set([...told.map(([name]) => name ?? ''), ...sections.map(s => s.host)])];
  const waiting = [...sections];
  const sockets = new Set<net.Socket>();
  const playing: Promise<void>[] = [];
  const left: string[] = [];
  const made = await Promise.all(
    names.map(async (name, preference) => {
      const server = net.createServer({ allowHalfOpen: false }, socket => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        const section = waiting.shift();
        if (section?.host !== name) left.push(`an unexpected connection to ${name}`);
        else playing.push(follow(socket, section, left));
      });
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
      const how = told.find(([told]) => told === name) ?? [];
      const auth = how.indexOf('auth');
      const host: MxHost = {
        name,
        preference,
        port: (server.address() as net.AddressInfo).port,
        static: false,
        ...(how.includes('implicit') && { tls: 'implicit' as const }),
        ...(how.includes('starttls') && { tls: 'starttls' as const }),
        ...(how.includes('no-tls') && { tls: 'none' as const }),
        ...(auth > 0 && { auth: { user: how[auth + 1] ?? '', password: how[auth + 2] ?? '' } }),
      };
      return { server, host };
    }),
  );
  return {
    list: made.map(m => m.host),
    left: () => [...left, ...waiting.map(s => `no connection to ${s.host}`)],
    quiet: () => Promise.all(playing).then(() => undefined),
    stop() {
      for (const socket of sockets) socket.destroy();
      for (const { server } of made) server.close();
    },
  };
}

/** Ends when the steps are over or the connection is. */
async function follow(plain: net.Socket, { host, steps }: Section, left: string[]): Promise<void> {
  let socket: net.Socket = plain;
  let received = '';
  let ended = false;
  let heard: () => void = () => undefined;
  const listen = (on: net.Socket): void => {
    on.on('data', chunk => {
      received += chunk.toString('latin1');
      heard();
    });
    on.on('close', () => {
      ended = true;
      heard();
    });
    on.on('error', () => undefined);
  };
  listen(plain);
  const line = async (): Promise<string | undefined> => {
    while (!received.includes('\r\n') && !ended) await new Promise<void>(done => (heard = done));
    const at = received.indexOf('\r\n');
    if (at < 0) return undefined;
    const found = received.slice(0, at);
    received = received.slice(at + 2);
    return found;
  };
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] ?? '';
    if (step.startsWith('S: ')) {
      let out = '';
      for (; steps[i]?.startsWith('S: '); i++) out += `${steps[i]?.slice(3)}\r\n`;
      i--;
      socket.write(out);
    } else if (step.startsWith('C: ')) {
      const got = await line();
      if (got === undefined || !globMatches(step.slice(3), got)) {
        left.push(`${host}: ${step} (got ${got ?? 'the end of the connection'})`);
        return socket.destroy() as unknown as undefined;
      }
    } else if (step.startsWith('-- tls')) {
      const of = step.split(' ')[2] ?? host;
      plain.removeAllListeners('data');
      const secure = new tls.TLSSocket(plain, { isServer: true, ...certificateOf(of) });
      received = '';
      socket = secure;
      listen(secure);
    } else if (step === '-- garbage') {
      // Behind the ClientHello: what comes before it is thrown away.
      while (received === '' && !ended) await new Promise<void>(done => (heard = done));
      plain.write('this is no TLS at all\r\n');
    } else if (step === '-- close') socket.destroy();
    // -- silent: the client gives up.
    else if (step === '-- silent') while (!ended) await new Promise<void>(done => (heard = done));
    else throw new Error(`no step ${step}`);
  }
}
