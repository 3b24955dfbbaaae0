/**
 * `rampd send`: injects test mail into a listener.
 *
 * Recipients are invented (u<seed>-<number>@domain) unless an address is given: meant for a daemon whose DNS leads to a sink,
 * never for one that delivers into the Internet. Ends with exit code 0 when every message was accepted, else 1.
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { readDomain } from '../config/address.js';
import { startCampaign, type GeneratorStats } from '../rehearse/generator.js';
import { createVirtualClock } from '../rehearse/virtual-clock.js';
import type { Io } from './io.js';
import { positive } from './numbers.js';
import { hourly, octets, serverAddress } from './places.js';
import { REAL, Speed, watched, type Surroundings } from './progress.js';

interface Options {
  readonly to: readonly { readonly domain: string; readonly weight: number }[];
  readonly from?: readonly string[];
  readonly count: number;
  readonly rate?: number;
  readonly size: number;
  readonly server?: { readonly host: string; readonly port: number };
  readonly connections: number;
  readonly recipients: number;
  readonly job?: string;
  readonly seed?: number;
}

export function register(program: Command, io: Io, surroundings: Surroundings = REAL): void {
  program
    .command('send')
    .description('inject test mail with invented recipients; for daemons whose mail ends in a sink')
    .requiredOption('--to <domain[=share],…>', 'recipient domains and their shares, *.domain, or one address', targets)
    .option('--from <domain,…>', 'sender domains, taken in turn (default: sender.example)', senders)
    .option('--count <number>', 'messages', positive, 1)
    .option('--rate <rate>', 'such as 200/h or 50/s (default: as fast as they are taken)', hourly)
    .addOption(new Option('--size <size>', 'of one message').argParser(octets).default(4_096, '4KB'))
    .option('--server <host:port>', 'the listener (default: 127.0.0.1:2525)', serverAddress)
    .option('--connections <number>', 'connections at once', positive, 4)
    .option('--recipients <number>', 'recipients of one message', positive, 1)
    .option('--job <name>', 'goes into X-Job')
    .option('--seed <number>', 'the same recipients as another run with this seed (default: new ones)', positive)
    .action(async (options: Options) => {
      const clock = createVirtualClock({ start: Date.now(), speed: 1 });
      const {
        server = { host: '127.0.0.1', port: 2_525 },
        from = ['sender.example'],
        rate = Infinity,
        seed = 1 + (Date.now() % 1_000_000_000),
        connections,
        ...campaign
      } = options;
      const running = startCampaign({ ...server, clock, connections }, { ...campaign, from, rate, seed });
      const speed = new Speed();
      const line = () => {
        const stats = running.stats();
        io.out(`${stats.accepted} of ${options.count} accepted (${speed.since(stats.accepted)}/s)${troubles(stats)}\n`);
      };
      const result = await watched(running.done, line, running.stop, surroundings);
      io.out(
        `${result.accepted} of ${options.count} accepted in ${speed.seconds.toFixed(1)} s (${speed.overall(result.accepted)}/s)${troubles(result)}\n`,
      );
      if (result.ended === 'unreachable') io.err(`rampd: ${server.host}:${server.port} cannot be reached: ${result.lastReply}\n`);
      if (result.ended === 'unreachable' || result.refused > 0) io.exit(1);
    });
}

/** Nothing when there were none. */
function troubles({ refused, later, lost, lastReply }: GeneratorStats): string {
  const parts = [
    refused > 0 ? `${refused} refused` : '',
    later > 0 ? `${later} times told to come back` : '',
    lost > 0 ? `${lost} connections lost` : '',
  ].filter(part => part !== '');
  return parts.length === 0 ? '' : `; ${parts.join(', ')}; last answer: ${lastReply}`;
}

/** `gmail.com=3,*.customers.example,ann@yahoo.com`. */
function targets(text: string): Options['to'] {
  return text.split(',').map(part => {
    const [name = '', share = '1', ...rest] = part.trim().split('=');
    const domain = name.slice(name.lastIndexOf('@') + 1).replace(/^\*\./, '');
    const weight = Number(share);
    if (rest.length > 0 || !readDomain(domain).ok || !/^\d{1,6}(\.\d{1,3})?$/.test(share) || weight === 0 || /[<>\s]/.test(name)) {
      throw new InvalidArgumentError('It must be domains with their shares such as gmail.com=3,yahoo.com=1, or an address.');
    }
    return { domain: name, weight };
  });
}

function senders(text: string): string[] {
  return text.split(',').map(part => {
    const read = readDomain(part.trim());
    if (!read.ok) throw new InvalidArgumentError(`It must be ${read.allowed}.`);
    return read.value;
  });
}
