/**
 * rampd.yaml and all it leads to → Settings, or every fault at once.
 *
 * Never throws on bad input: what is wrong comes back as faults with a place. `settings` is there exactly when there are
 * no faults. Reads through the FileReader it is given and nothing else.
 */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Fault, Place } from '../kernel/fault.js';
import { FIXED_KEYS, type FixedKey, type Settings } from '../kernel/settings.js';
import { SECOND } from '../kernel/units.js';
import { readDkim } from './dkim.js';
import { readDoctor } from './doctor.js';
import { readFeedback, readSuppression } from './feedback.js';
import { shippedFolder } from './files.js';
import type { FileReader, Folder } from './files.js';
import { nearest } from '../kernel/text.js';
import { Findings } from './findings.js';
import { readHttp } from './http.js';
import { readLibrary } from './library.js';
import type { Library } from './library.js';
import { toLimits } from './limits.js';
import { lintSettings } from './lint.js';
import { GENERIC, overlaid } from './provider.js';
import { readMessageRules } from './message-rules.js';
import { checkReferences } from './references.js';
import type { HostDefaults } from './smtp-host.js';
import { readClients, readListeners, readPools, readQueueTo, readSources, SettingsText } from './settings.js';
import { withSourcePools } from './source-pools.js';
import { readDns, readTls } from './tls.js';
import { readTelling } from './telling.js';
import { YamlText } from './yaml-text.js';

export interface Loaded {
  /** undefined exactly when there are faults. */
  readonly settings?: Settings;
  readonly faults: Fault[];
  readonly warnings: Fault[];
}

const MB = 1024 * 1024;
/** Linux: sun_path of a Unix socket address has 108 bytes, the last one a zero (unix(7)). */
export const MAX_SOCKET_PATH = 107;

export function loadSettings(file: string, read: FileReader, shipped: Folder = shippedFolder()): Loaded {
  const findings = new Findings(file);
  const settings = load(file, read, shipped, findings);
  const { faults, warnings } = findings;
  return { ...(settings && faults.length === 0 && { settings: { ...settings, warnings } }), faults, warnings };
}

function load(file: string, read: FileReader, shipped: Folder, findings: Findings): Settings | undefined {
  const source = read.text(file);
  if (source === undefined) {
    findings.fault(
      { file, line: 0, col: 0 },
      { code: 'no-file', what: 'there is no such file, or it cannot be read', hint: 'rampd init writes a commented one' },
    );
    return undefined;
  }
  const yaml = YamlText.read(file, source, findings);
  if (!yaml) return undefined;
  const text = new SettingsText(yaml, findings);
  if (text.empty) return undefined;
  const base = read.cwd === undefined ? dirname(file) : resolve(read.cwd, dirname(file));
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(base, path));

  const smtpPort = text.section('smtp-port') ?? 25;
  const hostName = text.section('host-name') ?? 'localhost';
  const stateDir = absolute(text.section('state-dir') ?? '.');
  const hosts: HostDefaults = { smtpPort, secret: path => read.text(absolute(path)) };
  const library = readLibrary([shipped, ...ownFolders(text, file, absolute, read)], read, hosts, findings);
  readOverlays(text, library, hosts);

  const user = text.section('user');
  const log = text.section('log');
  const dsn = text.section('dsn');
  const delayAfter = dsn?.['delay-after'];
  if (delayAfter && delayAfter.length > 1 && delayAfter.includes(Infinity))
    findings.fault(yaml.place(['dsn', 'delay-after']), {
      code: 'none-and-more',
      what: 'delay-after says none beside ages',
      allowed: 'none alone, or ages such as [4h, 24h]',
    });
  const http = readHttp(text, absolute);
  const settings: Settings = {
    file,
    hostName,
    stateDir,
    node: text.section('node') ?? 0,
    ...(user !== undefined && { user }),
    listeners: readListeners(text, absolute),
    clients: readClients(text),
    maxMessageSize: text.section('max-message-size') ?? 25 * MB,
    maxRecipients: text.section('max-recipients') ?? 1_000,
    messageRules: readMessageRules(text),
    maxBacklog: text.section('max-backlog') ?? Infinity,
    minFree: text.section('min-free') ?? 100 * MB,
    sources: readSources(text, hostName),
    pools: readPools(text),
    providers: library.providers,
    schedules: library.schedules,
    defaults: toLimits(text.section('defaults') ?? {}, yaml, ['defaults'], findings),
    total: toLimits(text.section('total') ?? {}, yaml, ['total'], findings),
    queueTo: readQueueTo(text),
    dns: readDns(text),
    tls: readTls(text, read, absolute),
    ...(text.has('dkim') && { dkim: readDkim(text, absolute) }),
    smtpPort,
    allowPrivate: text.section('allow-private') ?? false,
    control: { socket: socketPath(text, stateDir, absolute), ...(http && { http }) },
    ...readTelling(text, stateDir, absolute),
    log: { level: log?.level ?? 'info', ...(log?.file !== undefined && { file: absolute(log.file) }) },
    dsn: {
      from: dsn?.from ?? `mailer-daemon@${hostName}`,
      ...(dsn?.pool !== undefined && { pool: dsn.pool }),
      ...(dsn?.postmaster !== undefined && { postmaster: dsn.postmaster }),
      ...(delayAfter !== undefined && { delayAfter: delayAfter.filter(age => age !== Infinity).sort((a, b) => a - b) }),
    },
    ...readSuppression(text),
    ...readFeedback(text, absolute),
    ...readDoctor(text),
    drain: text.section('drain') ?? 30 * SECOND,
    fixedFrom: Object.fromEntries(FIXED_KEYS.map(key => [key, yaml.place(key.split('.'))])) as Record<FixedKey, Place>,
    warnings: [],
  };
  checkReferences(
    settings,
    {
      sources: text.names('sources'),
      pools: text.names('pools'),
      schedules: [...settings.schedules.keys(), ...library.broken],
      providers: [...settings.providers.keys(), ...library.broken, ...text.names('providers')],
    },
    yaml,
    findings,
  );
  // Behind a fault, half of what a lint sees is the fault again.
  if (findings.count === 0) lintSettings(settings, yaml, findings);
  return { ...settings, pools: withSourcePools(settings.pools, settings.sources) };
}

/** The folders under `schedules:`; a missing one is a fault, since what was hoped to be in it would be missing silently. */
function ownFolders(text: SettingsText, file: string, absolute: (path: string) => string, read: FileReader): Folder[] {
  const list = text.section('schedules') ?? [];
  return list.flatMap((dir, i) => {
    const path = absolute(dir);
    const shown = isAbsolute(dir) ? dir : join(dirname(file), dir);
    if (read.list(path) !== undefined || read.list(join(path, 'providers')) !== undefined) return [{ path, shown }];
    const place = Array.isArray(text.raw('schedules')) ? text.yaml.place(['schedules', i]) : text.yaml.place(['schedules']);
    text.findings.fault(place, {
      code: 'no-folder',
      what: `there is no folder ${shown}`,
      hint: 'relative paths start at the configuration file',
    });
    return [];
  });
}

function readOverlays(text: SettingsText, library: Library, hosts: HostDefaults): void {
  const raw = text.raw('providers');
  for (const name of text.names('providers')) {
    const path = ['providers', name];
    const value = (raw as Record<string, unknown>)[name];
    const near = nearest(name, [...library.providers.keys()]);
    const provider = overlaid(library.providers.get(name), name, value, text.yaml, path, hosts, text.findings);
    if (!provider) continue;
    if (name !== GENERIC && provider.mx.length + provider.domains.length === 0 && !library.broken.has(name))
      text.findings.fault(text.yaml.key(path), {
        code: 'unmapped-provider',
        what: `provider ${name} is attached to nothing: it has no file, no mx and no domains`,
        allowed: `mx: [patterns], domains: [names], or one of ${[...library.providers.keys()].join(', ')}`,
        hint: near !== undefined ? `did you mean ${near}?` : undefined,
      });
    library.providers.set(name, provider);
  }
}

function socketPath(text: SettingsText, stateDir: string, absolute: (path: string) => string): string {
  const said = text.section('control')?.socket;
  const socket = said === undefined ? join(stateDir, 'rampd.sock') : absolute(said);
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_SOCKET_PATH)
    text.findings.fault(said === undefined ? text.yaml.place(['state-dir']) : text.yaml.place(['control', 'socket']), {
      code: 'socket-path',
      what: `the path of the control socket has ${bytes} bytes`,
      allowed: `at most ${MAX_SOCKET_PATH}`,
      hint: 'say a shorter control: { socket: … }',
    });
  return socket;
}
