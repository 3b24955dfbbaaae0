/**
 * `rampd doctor`: what receivers will hold against the mail of each source, and how to mend it.
 *
 * Reads the configuration, not the daemon, so that it serves before the first start; a daemon that answers only says which
 * domains it mails most, whose MX hosts are tried when no other host is named. Exit code 1 when something is broken.
 */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { readDomain, readSmtpHost } from '../config/address.js';
import { shippedLists } from '../config/block-lists.js';
import { nodeFiles, shippedFolder } from '../config/files.js';
import { loadSettings } from '../config/load.js';
import { connectControl } from '../control/client.js';
import { renderDoctor } from '../control/render-doctor.js';
import { examine } from '../daemon/doctor/examine.js';
import { binds } from '../daemon/doctor/identity.js';
import { createSystemClock } from '../daemon/system-clock.js';
import type { SmtpProbe } from '../kernel/doctor.js';
import { FaultError } from '../kernel/fault.js';
import type { Settings, Source } from '../kernel/settings.js';
import { nearest } from '../kernel/text.js';
import type { DnsPort } from '../route/dns.js';
import { createDns } from '../route/validated-dns.js';
import { findConfig } from './config-file.js';
import { show } from './connection.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

interface Options {
  readonly config?: string;
  readonly source?: string;
  readonly domain?: readonly string[];
  readonly probe?: readonly SmtpProbe[];
  readonly json?: boolean;
}

/** Domains whose MX hosts are tried when nobody names a host. */
const MOST_DOMAINS = 3;
const SMTP = 25;

export function register(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('check what receivers see of each source: names, SPF, DKIM, DMARC, block lists, port 25')
    .option('-c, --config <file>', 'configuration (default: ./rampd.yaml, /etc/rampd/rampd.yaml)')
    .option('--source <name>', 'only this source')
    .option('--domain <name>', 'a sending domain; repeatable (default: those under dkim)', domain)
    .option('--probe <host>', 'try this host[:port] from each source; repeatable (default: MX hosts of the domains mailed most)', probe)
    .option('--json', 'the result as JSON')
    .action(async (options: Options) => {
      const read = nodeFiles(io.cwd);
      const { settings, faults } = loadSettings(findConfig(io, options.config), read);
      if (!settings) throw new FaultError(faults);
      const { lists, faults: broken } = shippedLists(read, shippedFolder());
      if (broken.length > 0) throw new FaultError(broken);
      const dns = createDns(settings.dns);
      const view = await examine(
        {
          settings,
          sources: chosen(settings, options.source),
          ...(options.domain && { domains: options.domain }),
          probes: options.probe ?? (settings.doctor?.probe.length ? settings.doctor.probe : await usual(settings, dns)),
        },
        { dns, binds, read: path => readFileSync(path), lists, wall: createSystemClock().wall() },
      );
      const width = io.stdout.isTTY ? io.stdout.columns || 80 : Infinity;
      show(io, options.json, view, it => renderDoctor(it, { width }));
      io.exit(view.state === 'fail' ? 1 : 0);
    });
}

function chosen(settings: Settings, name: string | undefined): Source[] {
  const all = [...settings.sources.values()];
  if (name === undefined) return all;
  const found = settings.sources.get(name);
  if (found) return [found];
  const near = nearest(
    name,
    all.map(source => source.name),
  );
  throw new UsageError(`there is no source ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

/** The first MX host of the domains with the most mail waiting; none when no daemon answers. */
async function usual(settings: Settings, dns: DnsPort): Promise<SmtpProbe[]> {
  const queues = await connectControl(settings.control.socket)
    .queues()
    .catch(() => []);
  const waiting = new Map<string, number>();
  for (const queue of queues) waiting.set(queue.domain, (waiting.get(queue.domain) ?? 0) + queue.waiting);
  const domains = [...waiting].sort((a, b) => b[1] - a[1]).slice(0, MOST_DOMAINS);
  const hosts = await Promise.all(
    domains.map(async ([name]) => {
      const answer = await dns.mx(name);
      if (answer.kind !== 'found') return [];
      const first = [...answer.records].sort((a, b) => a.preference - b.preference)[0]?.exchange;
      return first ? [first] : [];
    }),
  );
  return [...new Set(hosts.flat())].map(host => ({ host, port: settings.smtpPort }));
}

function domain(text: string, before: readonly string[] = []): readonly string[] {
  const read = readDomain(text);
  if (!read.ok) throw new InvalidArgumentError(`It must be ${read.allowed}.`);
  return [...before, read.value];
}

function probe(text: string, before: readonly SmtpProbe[] = []): readonly SmtpProbe[] {
  const read = readSmtpHost(text);
  if (!read.ok) throw new InvalidArgumentError(`It must be ${read.allowed}.`);
  return [...before, { host: read.value.host, port: read.value.port ?? SMTP }];
}
