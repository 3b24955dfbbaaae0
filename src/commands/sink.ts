/**
 * `rampd sink`: the other side alone. The simulated mailbox providers with a DNS server that leads to them; or, with
 * --accept-all, one listener that takes everything, to measure against.
 *
 * Runs until SIGINT, SIGTERM or --count messages, and ends with a summary. Keeps no mail and passes none on.
 */
import type { Command } from 'commander';
import type { Receiver } from '../rehearse/receiver.js';
import { startReceiver } from '../rehearse/receiver.js';
import { ReceiversLedger } from '../rehearse/receivers-ledger.js';
import { createVirtualClock } from '../rehearse/virtual-clock.js';
import { startLabWorld } from '../rehearse/world.js';
import type { Io } from './io.js';
import { positive } from './numbers.js';
import { listenAddress, portNumber } from './places.js';
import { REAL, Speed, watched, type Surroundings } from './progress.js';
import { UsageError } from './usage.js';

interface Options {
  readonly acceptAll?: true;
  readonly listen?: { readonly address: string; readonly port: number };
  readonly dnsPort: number;
  readonly smtpPort: number;
  readonly seed: number;
  readonly count?: number;
}

/** What is open, whichever kind of sink it is. */
interface Sink {
  readonly ledgers: ReadonlyMap<string, ReceiversLedger>;
  readonly receivers: readonly Receiver[];
  /** How to reach it, lines for people. */
  readonly reach: readonly string[];
  stop(reply: string): Promise<void>;
}

/** Ledger entries are not looked at here, only totals. */
const ENTRIES = 1;

export function register(program: Command, io: Io, surroundings: Surroundings = REAL): void {
  program
    .command('sink')
    .description('receive mail: simulated mailbox providers and their DNS on loopback, or anything with --accept-all')
    .option('--accept-all', 'one listener that takes every message')
    .option('--listen <address:port>', 'where --accept-all listens (default: 127.0.0.1:2526)', listenAddress)
    .option('--dns-port <port>', 'port of the DNS server on 127.0.0.1', portNumber, 5353)
    .option('--smtp-port <port>', 'port of the providers on 127.0.2.x', portNumber, 2526)
    .option('--seed <number>', 'same seed, same users and moods', positive, 1)
    .option('--count <number>', 'end after this many messages', positive)
    .action(async (options: Options) => {
      if (options.listen && !options.acceptAll) throw new UsageError('--listen goes with --accept-all; the providers take --smtp-port');
      let finish: () => void = () => undefined;
      const finished = new Promise<void>(resolve => (finish = resolve));
      let messages = 0;
      const onMessage = (accepted: boolean) => {
        if (accepted && ++messages === options.count) finish();
      };
      const sink = options.acceptAll ? await startAcceptAll(options, onMessage) : await startProviders(options, onMessage);
      try {
        for (const line of sink.reach) io.out(`${line}\n`);
        const speed = new Speed();
        let told = -1;
        const line = () => {
          if (messages === told) return;
          const connections = sink.receivers.reduce((sum, r) => sum + r.connections, 0);
          io.out(`${clockText(speed.seconds)}  ${messages} messages (${speed.since(messages)}/s)  ${connections} connections\n`);
          told = messages;
        };
        await watched(finished, line, finish, surroundings);
        io.out(`${messages} messages in ${speed.seconds.toFixed(1)} s (${speed.overall(messages)}/s)\n`);
        for (const text of summary(sink.ledgers)) io.out(`${text}\n`);
      } finally {
        await sink.stop('421 4.3.2 the sink ends');
      }
    });
}

async function startAcceptAll(options: Options, onMessage: (accepted: boolean) => void): Promise<Sink> {
  const { address, port } = options.listen ?? { address: '127.0.0.1', port: 2_526 };
  const receiver = await startReceiver({
    clock: realClock(),
    host: address,
    port,
    hostName: 'sink.example',
    ledger: new ReceiversLedger(ENTRIES),
    onMessage: (_peer, _message, accepted) => onMessage(accepted),
  });
  const where = address.includes(':') ? `[${address}]` : address;
  return {
    ledgers: new Map([['all', receiver.ledger]]),
    receivers: [receiver],
    reach: [`takes everything at ${where}:${receiver.port}`],
    stop: reply => receiver.stop(reply),
  };
}

async function startProviders(options: Options, onMessage: (accepted: boolean) => void): Promise<Sink> {
  const world = await startLabWorld({
    clock: realClock(),
    seed: options.seed,
    dnsPort: options.dnsPort,
    smtpPort: options.smtpPort,
    onMessage,
  });
  const domains = world.providers.map(({ model }) => `  ${model.name}: ${model.domains.join(', ')}`);
  return {
    ...world,
    reach: [
      'simulated mailbox providers are listening:',
      ...domains,
      'to reach them, say in rampd.yaml:',
      `  dns: { servers: ["${world.dns.address}"] }`,
      `  smtp-port: ${world.smtpPort}`,
      '  allow-private: true',
    ],
  };
}

const realClock = () => createVirtualClock({ start: Date.now(), speed: 1 });

/** One line for each provider and source that met. */
function summary(ledgers: ReadonlyMap<string, ReceiversLedger>): string[] {
  return [...ledgers].flatMap(([name, ledger]) =>
    [...ledger.totals()].map(
      ([source, t]) =>
        `${name}  from ${source}: ${t.accepted} recipients accepted in ${t.attempts} attempts on ${t.connections} connections, ${t.deferred} attempts deferred, ${t.rejected} rejected`,
    ),
  );
}

const clockText = (seconds: number) =>
  `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
