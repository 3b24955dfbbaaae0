/** Settings as small as routing needs them. */
import type { Provider, Settings } from '../../src/kernel/settings.js';

const from = { file: 'test.yaml', line: 1, col: 1 };

export function provider(name: string, parts: Partial<Provider> = {}): Provider {
  return { name, mx: [], domains: [], smtpHosts: [], limits: {}, rules: [], feedback: false, from, ...parts };
}

export function settings(parts: Partial<Omit<Settings, 'providers'>> & { providers?: readonly Provider[] } = {}): Settings {
  const { providers = [], ...rest } = parts;
  return {
    file: 'test.yaml',
    hostName: 'mta.example',
    stateDir: 'state',
    node: 0,
    listeners: [],
    clients: [],
    maxMessageSize: 1,
    maxRecipients: 1,
    maxBacklog: Infinity,
    minFree: 0,
    sources: new Map(),
    pools: new Map(),
    schedules: new Map(),
    defaults: {},
    total: {},
    queueTo: [],
    dns: { servers: [] },
    smtpPort: 25,
    allowPrivate: false,
    control: { socket: 'rampd.sock' },
    log: { level: 'info' },
    dsn: { from: '' },
    drain: 0,
    warnings: [],
    ...rest,
    providers: new Map(providers.map(p => [p.name, p])),
  };
}
