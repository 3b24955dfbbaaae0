/**
 * Folders of schedules and provider files → what they hold. Later folders override earlier ones by name.
 *
 * A folder holds `NAME.yaml` schedules and `providers/NAME.yaml`. The package's own folder comes first.
 */
import { join } from 'node:path';
import { printPlace } from '../kernel/fault.js';
import type { Place } from '../kernel/fault.js';
import type { Schedule } from '../kernel/schedule.js';
import type { Provider } from '../kernel/settings.js';
import type { FileReader, Folder } from './files.js';
import { Findings } from './findings.js';
import { Prepared } from './prepared.js';
import { GENERIC, toProvider } from './provider.js';
import { toSchedule } from './schedule.js';
import type { HostDefaults } from './smtp-host.js';
import { YamlText } from './yaml-text.js';

export interface Library {
  readonly schedules: Map<string, Schedule>;
  readonly providers: Map<string, Provider>;
  /** Names that stand in a file with faults: not unknown, only broken. */
  readonly broken: ReadonlySet<string>;
}

interface Named {
  readonly name: string;
  readonly from: Place;
}

export function readLibrary(folders: readonly Folder[], read: FileReader, hosts: HostDefaults, findings: Findings): Library {
  const schedules = new Map<string, Schedule>();
  const providers = new Map<string, Provider>();
  const broken = new Set<string>();
  for (const folder of folders) {
    const prepared = folder.prepared === undefined ? undefined : Prepared.read(read.text(folder.prepared));
    const parse = (file: string, text: string) => prepared?.find(file, text) ?? YamlText.read(file, text, findings);
    const reading = { read, parse, broken, findings };
    const own = readFolder(folder, reading, yaml => toSchedule(yaml, findings));
    for (const [name, schedule] of own) schedules.set(name, schedule);
    const inner: Folder = { path: join(folder.path, 'providers'), shown: join(folder.shown, 'providers') };
    const theirs = readFolder(inner, reading, yaml => checkedProvider(yaml, hosts, findings));
    for (const [name, provider] of theirs) {
      const before = providers.get(name);
      if (before)
        findings.warn(provider.from, {
          code: 'provider-replaced',
          what: `provider ${name} replaces ${printPlace(before.from)} whole, its rules too`,
          hint: 'to change single limits or add rules, say so under providers: in the configuration',
        });
      providers.set(name, provider);
    }
  }
  return { schedules, providers, broken };
}

interface Reading {
  readonly read: FileReader;
  readonly parse: (file: string, text: string) => YamlText | undefined;
  readonly broken: Set<string>;
  readonly findings: Findings;
}

function readFolder<T extends Named>(
  folder: Folder,
  { read, parse, broken, findings }: Reading,
  take: (yaml: YamlText) => T | undefined,
): Map<string, T> {
  const found = new Map<string, T>();
  for (const entry of read.list(folder.path) ?? []) {
    if (!/\.ya?ml$/.test(entry) || entry.startsWith('.')) continue;
    const shown = join(folder.shown, entry);
    const text = read.text(join(folder.path, entry));
    if (text === undefined) {
      findings.fault({ file: shown, line: 0, col: 0 }, { code: 'unreadable', what: 'the file cannot be read' });
      continue;
    }
    const yaml = parse(shown, text);
    const value = yaml && take(yaml);
    if (!value) {
      broken.add(nameIn(yaml) ?? entry.replace(/\.ya?ml$/, ''));
      continue;
    }
    const twin = found.get(value.name);
    if (twin) findings.fault(value.from, { code: 'duplicate-name', what: `${value.name} is the name of ${printPlace(twin.from)} too` });
    else found.set(value.name, value);
  }
  return found;
}

function nameIn(yaml: YamlText | undefined): string | undefined {
  const value = yaml?.value;
  if (typeof value !== 'object' || value === null || !('name' in value)) return undefined;
  return typeof value.name === 'string' ? value.name : undefined;
}

/** A file that names no hosts serves nobody, save for the generic one. */
function checkedProvider(yaml: YamlText, hosts: HostDefaults, findings: Findings): Provider | undefined {
  const before = findings.count;
  const provider = toProvider(yaml, hosts, findings);
  if (!provider) return undefined;
  const names = provider.mx.length + provider.domains.length;
  if (provider.name === GENERIC ? names > 0 : names === 0)
    findings.fault(provider.from, {
      code: 'unmapped-provider',
      what:
        provider.name === GENERIC
          ? 'generic serves providers without a file and takes no names'
          : `nothing maps to provider ${provider.name}`,
      ...(provider.name !== GENERIC && { allowed: 'mx: [patterns], or domains: [names]' }),
    });
  return findings.cleanSince(before) ? provider : undefined;
}

/** Provider files alone: for commands that need rules and no configuration. */
export function loadProviders(read: FileReader, folders: readonly Folder[]) {
  const findings = new Findings();
  const { providers } = readLibrary(folders, read, { smtpPort: 25, secret: path => read.text(path) }, findings);
  return { providers: providers as ReadonlyMap<string, Provider>, faults: findings.faults, warnings: findings.warnings };
}
