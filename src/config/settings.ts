/**
 * The sections of rampd.yaml → the parts of Settings, each read on its own so that one mistake does not hide another.
 * What one section says about another is checked in references.ts.
 */
import type { Place } from '../kernel/fault.js';
import type { Client, Listener, Pool, Source } from '../kernel/settings.js';
import { HOUR } from '../kernel/units.js';
import type { z } from 'zod';
import { readNameGlob } from './address.js';
import { take, unknownKey } from './check.js';
import type { Findings } from './findings.js';
import type { injection } from './http-shape.js';
import { toLimits } from './limits.js';
import { mustBeDefined } from './references.js';
import { clientShape, listenerShape, poolShape, sections, sourceShape } from './settings-shape.js';
import { quoted } from './shape.js';
import { NAME, NAME_RULE } from './words.js';
import type { Path, YamlText } from './yaml-text.js';

type Sections = typeof sections;
type Name = keyof Sections;

const COLD_WAIT = 4 * HOUR;
const STICKY_FOR = 4 * HOUR;

/** Reads rampd.yaml section by section. */
export class SettingsText {
  readonly #root: Readonly<Record<string, unknown>>;

  constructor(
    readonly yaml: YamlText,
    readonly findings: Findings,
  ) {
    const value = yaml.value;
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#root = isMap ? (value as Record<string, unknown>) : {};
    if (!isMap)
      findings.fault(
        { file: yaml.file, line: 1, col: 1 },
        {
          code: 'bad-shape',
          what: value === null || value === undefined ? 'the file says nothing' : `the file is ${quoted(value)}, not a map`,
          allowed: 'keys and values such as host-name: mta.example.com',
          hint: 'rampd init writes a commented one',
        },
      );
    const names = Object.keys(sections);
    for (const key of Object.keys(this.#root)) if (!names.includes(key)) unknownKey(yaml, [key], 'the configuration', names, findings);
    this.empty = !isMap;
  }

  /** No map at all: missing keys are not worth naming. */
  readonly empty: boolean;

  has(name: Name): boolean {
    return this.#root[name] !== undefined;
  }

  raw(name: Name): unknown {
    return this.#root[name];
  }

  /** A section as a whole. undefined: absent, or faulty and said so. */
  section<N extends Name>(name: N): z.output<Sections[N]> | undefined {
    if (this.empty) return undefined;
    return take(sections[name] as z.ZodType, this.yaml, [name], this.#root[name], this.findings) as z.output<Sections[N]> | undefined;
  }

  /** The entries of a map section, read one by one; `value` is undefined for a faulty one. */
  entries<T extends z.ZodType>(name: Name, shape: T): { name: string; path: Path; from: Place; value: z.output<T> | undefined }[] {
    return this.names(name).map(entry => {
      const path: Path = [name, entry];
      const raw = (this.#root[name] as Record<string, unknown>)[entry];
      return { name: entry, path, from: this.yaml.key(path), value: take(shape, this.yaml, path, raw, this.findings) };
    });
  }

  /** The items of a list section, read one by one. */
  items<T extends z.ZodType>(name: Name, shape: T): { path: Path; from: Place; value: z.output<T> | undefined }[] {
    const raw = this.#root[name];
    if (!Array.isArray(raw)) {
      if (raw !== undefined || !sections[name].safeParse(undefined).success) this.section(name);
      return [];
    }
    return raw.map((item: unknown, i) => {
      const path: Path = [name, i];
      return { path, from: this.yaml.place(path), value: take(shape, this.yaml, path, item, this.findings) };
    });
  }

  /** The names a map section defines, faulty entries included; names themselves are checked here. */
  names(name: Name): string[] {
    const raw = this.#root[name];
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      if (raw !== undefined || !sections[name].safeParse(undefined).success) this.section(name);
      return [];
    }
    return Object.keys(raw).filter(entry => {
      if (NAME.test(entry)) return true;
      this.findings.fault(this.yaml.key([name, entry]), { code: 'bad-name', what: `${quoted(entry)} is no name`, allowed: NAME_RULE });
      return false;
    });
  }
}

export function readSources(text: SettingsText, hostName: string): Map<string, Source> {
  const sources = new Map<string, Source>();
  for (const { name, path, from, value } of text.entries('sources', sourceShape)) {
    if (!value) continue;
    const warmUp = value['warm-up'];
    sources.set(name, {
      name,
      address: value.address,
      hostName: value['host-name'] ?? hostName,
      ...(warmUp !== 'none' && {
        warmUp: {
          schedule: warmUp.schedule,
          ...(warmUp.target !== undefined && { target: warmUp.target }),
          stage: warmUp.stage ?? 1,
          ...(warmUp.started !== undefined && { started: warmUp.started }),
          from: text.yaml.key([...path, 'warm-up']),
        },
      }),
      limits: toLimits(value, text.yaml, path, text.findings),
      from,
    });
  }
  return sources;
}

export function readPools(text: SettingsText): Map<string, Pool> {
  const pools = new Map<string, Pool>();
  for (const { name, from, value } of text.entries('pools', poolShape)) {
    if (!value) continue;
    const listed = value.sources;
    const sources = Array.isArray(listed)
      ? listed.map(source => ({ source, weight: 1 }))
      : Object.entries(listed).map(([source, weight]) => ({ source, weight }));
    pools.set(name, {
      name,
      sources,
      coldWait: value['cold-wait'] ?? COLD_WAIT,
      stickyFor: value['sticky-for'] ?? STICKY_FOR,
      warmUp: value['warm-up'] ?? 'allow',
      ...(value.priority && { priority: value.priority }),
      ...(value['dkim-sign'] !== undefined && { dkimSign: value['dkim-sign'] }),
      ...(value.verp === true && { verp: true }),
      from,
    });
  }
  return pools;
}

export function readClients(text: SettingsText): Client[] {
  return text.items('clients', clientShape).flatMap(({ path, from: place, value }) => {
    if (!value) return [];
    const { from, user, password } = value;
    mustBeDefined('pool', value.pool, text.names('pools'), text.yaml.place([...path, 'pool']), 'this client uses', text.findings);
    if ((from === undefined) === (user === undefined) || (user === undefined) !== (password === undefined)) {
      const what =
        from && user !== undefined
          ? 'a client says from and user'
          : user !== undefined
            ? `user ${quoted(user)} has no password`
            : 'a client says neither from nor user';
      text.findings.fault(place, { code: 'bad-client', what, allowed: 'from: [ranges], or user and password' });
      return [];
    }
    if (password !== undefined && !password.startsWith('scrypt:'))
      text.findings.warn(text.yaml.place([...path, 'password']), {
        code: 'plain-password',
        what: 'the password stands here in plain text',
        allowed: 'scrypt:SALT:HASH',
      });
    return [
      {
        from: from ?? [],
        ...(user !== undefined && { user }),
        ...(password !== undefined && { password }),
        pool: value.pool,
        ...(value['max-connections'] !== undefined && { maxConnections: value['max-connections'] }),
        ...injectionOf(value),
        place,
      },
    ];
  });
}

/** What clients and tokens may say of the mail they hand in. */
export function injectionOf(
  value: z.output<z.ZodObject<typeof injection>>,
): Pick<Client, 'allowHeaders' | 'warmUp' | 'priority' | 'notices' | 'dkimSign'> {
  return {
    allowHeaders: value['allow-headers'] ?? false,
    ...(value['warm-up'] && { warmUp: value['warm-up'] }),
    ...(value.priority && { priority: value.priority }),
    ...(value.dsn && { notices: value.dsn }),
    ...(value['dkim-sign'] !== undefined && { dkimSign: value['dkim-sign'] }),
  };
}

/** `resolve` makes paths absolute; relative ones start at the configuration file. */
export function readListeners(text: SettingsText, resolve: (path: string) => string): Listener[] {
  return text.items('listeners', listenerShape).flatMap(({ from, value }) =>
    value
      ? [
          {
            ...value.address,
            ...(value.tls && {
              tls: { cert: resolve(value.tls.cert), key: resolve(value.tls.key), mode: value.tls.mode ?? ('starttls' as const) },
            }),
            ...(value['max-connections'] !== undefined && { maxConnections: value['max-connections'] }),
            ...(value['idle-timeout'] !== undefined && { idleTimeout: value['idle-timeout'] }),
            from,
          },
        ]
      : [],
  );
}

/** `queue-to` in either writing. */
export function readQueueTo(text: SettingsText): { domain: string; to: string; from: Place }[] {
  const value = text.section('queue-to');
  if (!value) return [];
  if (Array.isArray(value)) return value.map(({ domain, to }, i) => ({ domain, to, from: text.yaml.place(['queue-to', i]) }));
  return Object.entries(value).flatMap(([written, to]) => {
    const from = text.yaml.key(['queue-to', written]);
    const domain = readNameGlob(written, true);
    if (domain.ok) return [{ domain: domain.value, to, from }];
    const hint = 'hint' in domain ? domain.hint : undefined;
    text.findings.fault(from, { code: 'bad-glob', what: `queue-to cannot be said of ${quoted(written)}`, allowed: domain.allowed, hint });
    return [];
  });
}
