/**
 * What receivers of all makes have in common.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { until } from '../e2e/world.js';
import type { Policy } from './policy.js';

export interface ReceiverOptions {
  readonly address: string;
  readonly port: number;
  readonly domain: string;
  /** Domains beside it, in which it knows the same users. */
  readonly alike?: readonly string[];
  readonly users: readonly string[];
  /** Octets. */
  readonly maxSize: number;
  /** STARTTLS; default offered. `broken`: offered, and OpenSMTPD is left to break every handshake. */
  readonly tls?: 'none' | 'offered' | 'required' | 'broken';
  /** Addresses of clients that are not offered it; OpenSMTPD makes no difference. */
  readonly clear?: readonly string[];
  /** Another address of its own, where it waits for its client two seconds only; OpenSMTPD always waits for minutes. */
  readonly impatientAt?: string;
  /** Postfix looks at clients before it serves them, and has those it sees first come back (postscreen). */
  readonly screened?: boolean;
  /** Asked before every answer. */
  readonly policy?: Policy;
  /** Keeps what it takes where it can do without; default false. */
  readonly keep?: boolean;
  /** Port on 127.0.0.1 to which Postfix hands all mail of others, taken from anybody on loopback. */
  readonly relayTo?: number;
  /** Further lines of the receiver's own configuration. */
  readonly more?: string;
}

export function answers(host: string, port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = net.connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** Resolves when it answers; rejects with what it logged when it ends instead. */
export async function up(
  { address, port }: Pick<ReceiverOptions, 'address' | 'port'>,
  child: ChildProcess,
  log: () => string,
): Promise<void> {
  await until(
    async () => child.exitCode !== null || (await answers(address, port)),
    done => done,
  );
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${log()}`);
}

/** Ends it and waits until it is gone. */
export async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise(done => child.once('exit', done));
  child.kill(signal);
  await gone;
}

/** Numbers of a user and its group, as /etc/passwd has them. */
export function idsOf(user: string): readonly [uid: number, gid: number] | undefined {
  const [, , uid, gid] = (new RegExp(`^${user}:.*$`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
  return uid === undefined ? undefined : [Number(uid), Number(gid)];
}

/** A certificate nobody vouches for, with an RSA key. */
export function makeRsa(name: string, cert: string, key: string): void {
  const files = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...files, '-subj', `/CN=${name}`, '-days', '2'], { stdio: 'ignore' });
}
