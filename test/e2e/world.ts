/**
 * The built rampd as a process, with a real DNS server and real receivers on loopback: what end-to-end tests stand on.
 *
 * Sources are 127.0.1.x, receivers 127.0.2.x on one free port, everything in a temporary folder. Whatever a test leaves
 * running is ended by `World.stop`, by process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectControl } from '../../src/control/client.js';
import type { StatusView } from '../../src/control/view.js';
import type { Clock, Timer } from '../../src/kernel/clock.js';
import { type DnsServer, startDnsServer } from '../../src/rehearse/dns-server.js';
import type { Zones } from '../../src/rehearse/dns-zones.js';
import { type Receiver, type ReceiverOptions, startReceiver } from '../../src/rehearse/receiver.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';

export const MAIN = resolve(import.meta.dirname, '../../dist/main.js');

/** Real time, as a receiver's clock. */
export const realClock = createVirtualClock({ start: Date.now(), speed: 1 });

export interface WorldOptions {
  readonly zones: Zones;
  /** rampd.yaml without state-dir, listeners, dns, smtp-port, which the world fills in. */
  readonly config: string;
  /** Another resolver than the world's own: the value of `dns:`. */
  readonly resolver?: string;
  /** Beside the one on 127.0.0.1. */
  readonly listeners?: readonly string[];
}

export class World {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-e2e-'));
  readonly file = join(this.dir, 'rampd.yaml');
  readonly receivers: Receiver[] = [];
  smtpPort = 0;
  /** Where rampd accepts mail. */
  listenPort = 0;
  #dns: DnsServer | undefined;
  #config = '';
  #resolver: string | undefined;
  #listeners: readonly string[] = [];
  #process: ChildProcess | undefined;
  readonly log: string[] = [];

  /** All of them use one port. */
  async receiver(options: Omit<ReceiverOptions, 'clock' | 'port'> & { host: string; clock?: Clock }): Promise<Receiver> {
    const receiver = await startReceiver({ clock: realClock, ...options, port: (this.smtpPort ||= await freePort()) });
    this.receivers.push(receiver);
    return receiver;
  }

  async prepare(options: WorldOptions): Promise<void> {
    this.#dns = await startDnsServer({ zones: options.zones });
    this.listenPort = await freePort();
    this.#config = options.config;
    this.#resolver = options.resolver;
    this.#listeners = [`{ address: "127.0.0.1:${this.listenPort}" }`, ...(options.listeners ?? [])];
    this.configure();
  }

  get dns(): DnsServer {
    return this.#dns as DnsServer;
  }

  /** Writes rampd.yaml; `change` edits the text first. */
  configure(change: (text: string) => string = t => t): void {
    this.#config = change(this.#config);
    writeFileSync(
      this.file,
      `host-name: mta.test.example
state-dir: ${this.stateDir}
listeners: [${this.#listeners.join(', ')}]
dns: ${this.#resolver ?? `{ servers: ["${this.dns.address}"] }`}
smtp-port: ${this.smtpPort}
allow-private: true
${this.#config}`,
    );
  }

  /** rampd.yaml as it stands. */
  text(): string {
    return readFileSync(this.file, 'utf8');
  }

  get stateDir(): string {
    return join(this.dir, 'state');
  }

  get socket(): string {
    return join(this.stateDir, 'rampd.sock');
  }

  get client(): ReturnType<typeof connectControl> {
    return connectControl(this.socket);
  }

  status(): Promise<StatusView> {
    return this.client.status();
  }

  /** Starts the daemon and waits until it says that it is ready. */
  async start(...args: string[]): Promise<ChildProcess> {
    if (!existsSync(MAIN)) throw new Error('dist/main.js is missing: run npm run build');
    const child = spawn(process.execPath, [MAIN, 'start', '-c', this.file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    let buffer = '';
    await new Promise<void>((ready, failed) => {
      const read = (chunk: Buffer): void => {
        buffer += chunk.toString();
        const lines = buffer.split('\n');
        buffer = lines.pop() ?? '';
        for (const line of lines) {
          this.log.push(line);
          if (line.includes('is ready')) ready();
        }
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', code => failed(new Error(`rampd ended with ${code}:\n${this.log.slice(-20).join('\n')}\n${buffer}`)));
    });
    return child;
  }

  /** Ends the daemon with a signal and waits; returns its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>(done => child.once('exit', code => done(code)));
    child.kill(signal);
    return gone;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Runs a rampd command to its end, as ann. */
  run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    return new Promise(done => {
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: this.dir,
        env: { ...process.env, USER: 'ann', SUDO_USER: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      let err = '';
      child.stdout.on('data', c => (out += c));
      child.stderr.on('data', c => (err += c));
      child.once('close', code => done({ code, out, err }));
    });
  }

  journal(): { type: string; id: number; [key: string]: unknown }[] {
    return readFileSync(join(this.stateDir, 'journal.ndjson'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { type: string; id: number });
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    await Promise.all(this.receivers.map(r => r.stop()));
    await this.#dns?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ports of this test process: each of those that run at the same time has a thousand of its own. */
const SHARE = 1_000;
const FIRST = 20_000 + SHARE * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 12);
/** Another run on this machine begins elsewhere. */
let next = Math.floor(Math.random() * SHARE);

/**
 * Below the range the kernel takes outgoing ports from (ip_local_port_range): nothing else gets it while rampd is down, nor
 * on another loopback address.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + (next++ % SHARE);
    const free = await new Promise<boolean>(done => {
      const server = net.createServer();
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (free) return port;
  }
}

/**
 * A clock for receivers that hold answers: whatever is to wait waits until it is let go, all of it at once. Give the
 * receiver's answers any delay.
 */
export class Gate implements Clock {
  readonly #held = new Set<() => void>();

  now(): number {
    return Date.now();
  }

  wall(): number {
    return Date.now();
  }

  at(_t: number, fn: () => void): Timer {
    this.#held.add(fn);
    return { cancel: () => void this.#held.delete(fn) };
  }

  get held(): number {
    return this.#held.size;
  }

  /** The oldest `most` go on. */
  release(most = Infinity): void {
    for (const fn of [...this.#held].slice(0, most)) {
      this.#held.delete(fn);
      fn();
    }
  }
}

/** Zones in which each domain's MX are the hosts named, in order of preference, and each host has its addresses. */
export function zones(domains: Readonly<Record<string, string | readonly string[]>>, hosts: Readonly<Record<string, string>>): Zones {
  return Object.fromEntries([
    ...Object.entries(domains).map(([domain, mx]) => [
      domain,
      { mx: [mx].flat().map((exchange, i) => ({ preference: 10 * (i + 1), exchange: exchange as string })) },
    ]),
    ...Object.entries(hosts).map(([host, address]) => [host, { a: [address] }]),
  ]) as Zones;
}

/** Asks again until `what` holds; the limit is for a broken daemon, not a wait for a slow one. */
export async function until<T>(ask: () => Promise<T> | T, what: (value: T) => boolean, limit = 20_000): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const value = await ask();
    if (what(value)) return value;
    if (Date.now() > end) throw new Error(`did not come true within ${limit} ms; last: ${JSON.stringify(value)?.slice(0, 2000)}`);
    await new Promise(r => setTimeout(r, 20));
  }
}
