/**
 * The world outside a daemon, on loopback: mailbox providers with their MX hosts, and the DNS that leads to them.
 *
 * Every MX host has an address of its own below 127.0.2.0/24 and all listen on one port, as the daemon has one smtp-port.
 * Nothing in it knows the real Internet. Linux answers on all of 127.0.0.0/8; other systems need the addresses added first.
 */
import type { Clock } from '../kernel/clock.js';
import { startDnsServer, type DnsServer } from './dns-server.js';
import type { DnsEntry } from './dns-zones.js';
import { MODELS, type ProviderModel } from './models.js';
import { type BadTime, createSimulatedProvider, type SimulatedProvider } from './provider-model.js';
import { startReceiver, type Receiver } from './receiver.js';
import { ReceiversLedger } from './receivers-ledger.js';
import { selfSignedContext } from './self-signed.js';

export interface LabWorldOptions {
  readonly clock: Clock;
  /** Same seed, same moods and users. Default 1. */
  readonly seed?: number;
  /** Addresses with a past, and the recipients an hour each provider knows them for. */
  readonly known?: ReadonlyMap<string, number>;
  /** Bad times on request; the seed brings others. */
  readonly badTimes?: readonly BadTime[];
  /** Default: all of models.ts. */
  readonly models?: readonly ProviderModel[];
  /** Port of the DNS server on 127.0.0.1; default 0: any free one. */
  readonly dnsPort?: number;
  /** Port of all receivers; default 0: one that is free on all their addresses. */
  readonly smtpPort?: number;
  /** First three octets of the receivers' addresses; default `127.0.2`. */
  readonly network?: string;
  /** Seconds; default a day. */
  readonly ttl?: number;
  /** Called for every message read to its final dot, before the answer. */
  readonly onMessage?: (accepted: boolean) => void;
}

export interface LabWorld {
  readonly dns: DnsServer;
  readonly smtpPort: number;
  readonly providers: readonly SimulatedProvider[];
  /** One for every MX host. */
  readonly receivers: readonly Receiver[];
  /** By provider name; the MX hosts of a provider share one. */
  readonly ledgers: ReadonlyMap<string, ReceiversLedger>;
  /** See Receiver.stop. */
  stop(reply?: string): Promise<void>;
}

/** Ports tried until one is free on every address. */
const PORT_TRIES = 20;

export async function startLabWorld(options: LabWorldOptions): Promise<LabWorld> {
  const models = options.models ?? MODELS;
  const network = options.network ?? '127.0.2';
  const providers = models.map(model => createSimulatedProvider(model, options.seed ?? 1, options.known, options.badTimes));
  const ledgers = new Map(models.map(model => [model.name, new ReceiversLedger()]));
  const hosts = providers.flatMap(provider => provider.model.mx.map(({ host }) => ({ host, provider })));
  if (hosts.length > 254) throw new RangeError('a lab has room for 254 MX hosts');
  const placed = hosts.map((h, i) => ({ ...h, address: `${network}.${i + 1}` }));

  const open = async (port: number): Promise<Receiver[]> => {
    const receivers: Receiver[] = [];
    try {
      for (const { host, provider, address } of placed) {
        const { model } = provider;
        receivers.push(
          await startReceiver({
            clock: options.clock,
            policy: provider,
            host: address,
            port: receivers[0]?.port ?? port,
            hostName: host,
            ledger: ledgers.get(model.name) ?? new ReceiversLedger(),
            onMessage: (_peer, _message, accepted) => options.onMessage?.(accepted),
            // Certificates are checked against real time.
            ...(model.startTls ? { tls: selfSignedContext(host, Date.now()) } : {}),
          }),
        );
      }
      return receivers;
    } catch (error) {
      await Promise.all(receivers.map(r => r.stop()));
      throw error;
    }
  };

  const receivers = await onFreePort(options.smtpPort ?? 0, open);
  try {
    const dns = await startDnsServer({
      zones: zonesOf(models, new Map(placed.map(p => [p.host, p.address]))),
      ...(options.dnsPort === undefined ? {} : { port: options.dnsPort }),
      ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
    });
    return {
      dns,
      smtpPort: receivers[0]?.port ?? 0,
      providers,
      receivers,
      ledgers,
      async stop(reply) {
        await Promise.all([dns.stop(), ...receivers.map(r => r.stop(reply))]);
      },
    };
  } catch (error) {
    await Promise.all(receivers.map(r => r.stop()));
    throw error;
  }
}

/** A port the system calls free on the first address may be taken on another: then it is asked for a new one. */
async function onFreePort<T>(wanted: number, open: (port: number) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await open(wanted);
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || wanted !== 0 || tried >= PORT_TRIES) throw error;
    }
  }
}

function zonesOf(models: readonly ProviderModel[], addresses: ReadonlyMap<string, string>): Record<string, DnsEntry> {
  const zones: Record<string, DnsEntry> = {};
  for (const [host, address] of addresses) zones[host] = { a: [address] };
  for (const model of models) {
    const mx = model.mx.map(({ host, preference }) => ({ exchange: host, preference }));
    for (const domain of model.domains) zones[domain] = { mx };
  }
  return zones;
}
