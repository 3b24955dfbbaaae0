/**
 * An authoritative DNS server on loopback, over UDP and TCP on one port, for the rehearsal and for tests.
 *
 * Promises: answers only from the zones it was given; an answer longer than the asker takes by UDP is truncated and full by
 * TCP; what is no DNS query gets no answer; every query is counted. Never asks another server.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import dnsPacket, { type OptRecord, type Packet } from 'dns-packet';
import { ZoneData, type DnsEntry, type Zones } from './dns-zones.js';

export interface DnsServerOptions {
  readonly zones: Zones;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Seconds, for entries that state no TTL. Default a day: the lab's clock runs fast. */
  readonly ttl?: number;
}

export interface DnsServer {
  /** `127.0.0.1:5353`, as `dns.servers` takes it. */
  readonly address: string;
  /** Queries answered or left unanswered on purpose; `name` and `type` narrow the count. */
  queries(name?: string, type?: string): number;
  set(name: string, entry: DnsEntry): void;
  delete(name: string): void;
  stop(): Promise<void>;
}

/** RFC 1035 §2.3.4: what every asker takes by UDP. */
const UDP_DEFAULT = 512;
const UDP_MOST = 4_096;
const TCP_IDLE = 10_000;
/** How many ports are tried until one is free for UDP and TCP alike. */
const PORT_TRIES = 20;
/** Distinct (name, type) pairs counted one by one; later ones only count in the total. */
const COUNTED_MOST = 100_000;

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const host = options.host ?? '127.0.0.1';
  const data = new ZoneData(options.zones, options.ttl ?? 86_400);
  const counts = new Map<string, number>();
  let total = 0;

  const count = (name: string, type: string) => {
    total++;
    const key = `${name.toLowerCase()} ${type}`;
    const seen = counts.get(key);
    if (seen !== undefined || counts.size < COUNTED_MOST) counts.set(key, (seen ?? 0) + 1);
  };

  /** The reply to one query, at most `most` bytes; undefined when there is to be none. */
  const respond = (query: Buffer, most: (packet: Packet) => number): Buffer | undefined => {
    const packet = decoded(query);
    const question = packet?.questions?.[0];
    if (!packet || !question || packet.type !== 'query') return undefined;
    count(question.name, question.type);
    const found = data.answer(question.name, question.type);
    if (found.silent) return undefined;
    const edns = optOf(packet);
    const reply: Packet = {
      type: 'response',
      ...(packet.id === undefined ? {} : { id: packet.id }),
      flags: dnsPacket.AUTHORITATIVE_ANSWER | ((packet.flags ?? 0) & dnsPacket.RECURSION_DESIRED) | found.rcode,
      questions: [question],
      answers: found.answers.map(a => ({ ...a })),
      additionals: edns ? [{ name: '.', type: 'OPT', udpPayloadSize: UDP_MOST, flags: 0, options: [] }] : [],
    };
    const full = dnsPacket.encode(reply);
    if (full.length <= most(packet)) return full;
    return dnsPacket.encode({ ...reply, flags: (reply.flags ?? 0) | dnsPacket.TRUNCATED_RESPONSE, answers: [] });
  };

  const onUdp = (udp: UdpSocket) => (query: Buffer, from: RemoteInfo) => {
    const reply = respond(query, packet => Math.min(UDP_MOST, Math.max(UDP_DEFAULT, optOf(packet)?.udpPayloadSize ?? 0)));
    if (reply) udp.send(reply, from.port, from.address, () => undefined);
  };
  const connections = new Set<Socket>();
  const onTcp = (socket: Socket) => {
    connections.add(socket);
    let pending = Buffer.alloc(0);
    socket.setTimeout(TCP_IDLE, () => socket.destroy());
    socket.on('close', () => connections.delete(socket)).on('error', () => socket.destroy());
    socket.on('data', chunk => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2) {
        const end = 2 + pending.readUInt16BE(0);
        if (pending.length < end) return;
        const reply = respond(pending.subarray(2, end), () => 0xffff);
        pending = pending.subarray(end);
        if (!reply) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  };

  const { udp, tcp, port } = await listen(host, options.port ?? 0, onTcp);
  udp.on('message', onUdp(udp));
  udp.on('error', () => undefined);

  return {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    queries(name, type) {
      if (name === undefined) return total;
      if (type !== undefined) return counts.get(`${name.toLowerCase()} ${type}`) ?? 0;
      let sum = 0;
      for (const [key, n] of counts) if (key.startsWith(`${name.toLowerCase()} `)) sum += n;
      return sum;
    },
    set: (name, entry) => data.set(name, entry),
    delete: name => data.delete(name),
    async stop() {
      for (const socket of connections) socket.destroy();
      await Promise.all([
        new Promise<void>(resolve => udp.close(() => resolve())),
        new Promise<void>(resolve => tcp.close(() => resolve())),
      ]);
    },
  };
}

function decoded(query: Buffer): Packet | undefined {
  try {
    return dnsPacket.decode(query);
  } catch {
    return undefined;
  }
}

function optOf(packet: Packet): OptRecord | undefined {
  return packet.additionals?.find((r): r is OptRecord => r.type === 'OPT');
}

/** UDP and TCP on the same port; a free UDP port may be taken for TCP, then another is tried. */
async function listen(
  host: string,
  wanted: number,
  onTcp: (socket: Socket) => void,
): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
  for (let tried = 1; ; tried++) {
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const port = await new Promise<number>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(wanted, host, () => resolve(udp.address().port));
    });
    udp.removeAllListeners('error');
    const tcp = createServer(onTcp);
    try {
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(port, host, resolve);
      });
      return { udp, tcp, port };
    } catch (error) {
      await new Promise<void>(resolve => udp.close(() => resolve()));
      if (wanted !== 0 || tried >= PORT_TRIES) throw error;
    }
  }
}
