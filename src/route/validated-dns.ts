/**
 * DNS through a validating resolver on this machine, whose AD bit is believed: what DANE needs and node's resolver cannot do.
 *
 * Every question has a socket (so a port), a number and a spelling of its own; an answer that was cut short is asked for again
 * by TCP. Never throws and never rejects; at most a hundred questions are outstanding; timeouts are real time. That the
 * servers are loopback addresses is checked where the configuration is read: AD from elsewhere could be anybody's.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Settings } from '../kernel/settings.js';
import { MINUTE, SECOND, type Ms } from '../kernel/units.js';
import { createNodeDns, type DnsAnswer, type DnsPort } from './dns.js';
import { encodeQuestion, mixCase, readReply, type Question, type RecordType, type RecordTypes } from './dns-message.js';
import { isHostName } from './domain.js';
import { createGate } from './gate.js';

export interface ValidatedDnsOptions {
  /** `127.0.0.1`, `127.0.0.1:5353`, `[::1]:5353`. */
  readonly servers: readonly string[];
  /** First timeout of one question; it doubles with every try. */
  readonly timeout?: Ms;
  readonly tries?: number;
}

interface Server {
  readonly host: string;
  readonly port: number;
}

type Told<K extends RecordType> = DnsAnswer<RecordTypes[K]>;

const OUTSTANDING_MOST = 100;
const SILENT = { kind: 'failed', text: 'no name server answered in time' } as const;
const UNREACHABLE = { kind: 'failed', text: 'no name server could be reached' } as const;

/** As `dns:` of the settings says: node's resolver, or one whose validation is believed. */
export const createDns = ({ servers, dnssec }: Settings['dns']): DnsPort =>
  dnssec === true ? createValidatedDns({ servers }) : createNodeDns({ servers });

export function createValidatedDns(options: ValidatedDnsOptions): DnsPort {
  const servers = options.servers.map(readServer);
  const timeout = options.timeout ?? 3 * SECOND;
  const tries = Math.max(options.tries ?? 2, servers.length);
  const gate = createGate(OUTSTANDING_MOST);

  const ask = async <K extends RecordType>(type: K, name: string): Promise<Told<K>> => {
    if (!isHostName(name.toLowerCase())) return { kind: 'no-domain', ttl: 5 * MINUTE };
    await gate.enter();
    try {
      let told: Told<K> = UNREACHABLE;
      for (let tried = 0; tried < tries; tried++) {
        const server = servers[tried % servers.length];
        if (!server) break;
        const question: Question<K> = { id: randomInt(0x1_0000), name: mixCase(name, randomBytes(32)), type };
        told = await askOnce(server, question, timeout * 2 ** tried);
        // A resolver that says SERVFAIL has tried; another may know better, itself it would not.
        if (told.kind !== 'failed' || (told !== SILENT && servers.length === 1)) break;
      }
      return told;
    } finally {
      gate.leave();
    }
  };

  return {
    mx: name => ask('MX', name),
    a: name => ask('A', name),
    aaaa: name => ask('AAAA', name),
    txt: name => ask('TXT', name),
    ptr: name => ask('PTR', name),
    tlsa: name => ask('TLSA', name),
  };
}

async function askOnce<K extends RecordType>(server: Server, question: Question<K>, timeout: Ms): Promise<Told<K>> {
  return (await byUdp(server, question, timeout)) ?? byTcp(server, question, timeout);
}

/** undefined: ask by TCP. Replies to other questions are passed over. */
function byUdp<K extends RecordType>({ host, port }: Server, question: Question<K>, timeout: Ms): Promise<Told<K> | undefined> {
  return new Promise(resolve => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end(SILENT), timeout);
    let over = false;
    const end = (told: Told<K> | undefined): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.close();
      resolve(told);
    };
    socket.on('error', () => end(UNREACHABLE));
    socket.on('message', bytes => {
      const read = readReply(bytes, question, true);
      if (read.kind !== 'foreign') end(read.kind === 'again' ? undefined : read.answer);
    });
    // Connected: the kernel passes on what comes from the server alone, and tells when nobody listens there.
    socket.connect(port, host, () => {
      if (!over) socket.send(encodeQuestion(question), error => error && end(UNREACHABLE));
    });
  });
}

function byTcp<K extends RecordType>({ host, port }: Server, question: Question<K>, timeout: Ms): Promise<Told<K>> {
  return new Promise(resolve => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => end(SILENT), timeout);
    let pending = Buffer.alloc(0);
    const end = (told: Told<K>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(told);
    };
    socket.on('error', () => end(UNREACHABLE));
    socket.on('close', () => end(UNREACHABLE));
    socket.on('connect', () => {
      const bytes = encodeQuestion(question);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    });
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return;
      const read = readReply(pending.subarray(2, 2 + pending.readUInt16BE(0)), question, false);
      end(read.kind === 'answer' ? read.answer : { kind: 'failed', text: 'the name server answered another question' });
    });
  });
}

function readServer(text: string): Server {
  const bracket = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = bracket ?? (isIPv6(text) ? undefined : /^([^:]+)(?::(\d+))?$/.exec(text));
  return { host: plain?.[1] ?? text, port: Number(plain?.[2] ?? 53) };
}
