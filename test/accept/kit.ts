/** A listener on loopback with a store in memory, for tests of acceptance. */
import { join } from 'node:path';
import { createAcceptor, type Acceptor } from '../../src/accept/acceptor.js';
import type { AcceptParts, AcceptStore } from '../../src/accept/ports.js';
import { createSigner, type DkimSigner } from '../../src/accept/signer.js';
import { Events } from '../../src/kernel/events.js';
import type { Envelope, NewRecipient } from '../../src/kernel/message.js';
import type { Client, Listener, Pool, Settings } from '../../src/kernel/settings.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

export const START = Date.parse('2023-11-20T12:00:00Z');
export const place = { file: 'rampd.yaml', line: 3, col: 5 };

export const pem = (name: string) => join(import.meta.dirname, 'tls', name);
export const tlsOf = (name: 'a' | 'b', mode: 'starttls' | 'implicit' = 'starttls') => ({
  cert: pem(`${name}.cert.pem`),
  key: pem(`${name}.key.pem`),
  mode,
});

export const client = (more: Partial<Client> = {}): Client => ({
  from: ['127.0.0.0/8', '::1'],
  pool: 'marketing',
  allowHeaders: false,
  place,
  ...more,
});

export const listener = (more: Partial<Listener> = {}): Listener => ({ address: '127.0.0.1', port: 0, from: place, ...more });

const pool = (name: string, more: Partial<Pool> = {}): [string, Pool] => [
  name,
  { name, sources: [], coldWait: 0, stickyFor: 0, warmUp: 'allow', from: place, ...more },
];

export function settings(more: Partial<Settings> = {}): Settings {
  return {
    file: 'rampd.yaml',
    hostName: 'mta.example.com',
    stateDir: 'state',
    node: 0,
    listeners: [listener()],
    clients: [client()],
    maxMessageSize: 100_000,
    maxRecipients: 5,
    maxBacklog: Infinity,
    minFree: 0,
    sources: new Map(),
    pools: new Map([pool('marketing'), pool('alerts', { warmUp: 'never' })]),
    providers: new Map(),
    schedules: new Map(),
    defaults: {},
    total: {},
    queueTo: [],
    dns: { servers: [] },
    smtpPort: 25,
    allowPrivate: false,
    control: { socket: 'rampd.sock' },
    log: { level: 'info' },
    dsn: { from: 'postmaster@mta.example.com' },
    drain: 1_000,
    warnings: [],
    ...more,
  };
}

export interface Stored {
  readonly envelope: Envelope;
  readonly recipients: readonly NewRecipient[];
  readonly content: string;
}

export interface Bench {
  readonly stored: Stored[];
  readonly acceptor: Acceptor;
  /** Signs nothing before a test has put keys in force. */
  readonly signer: DkimSigner;
  readonly events: Events;
  readonly port: number;
  readonly ports: number[];
  readonly log: string[];
  settings: Settings;
  room: 'ok' | 'full';
  waiting: number;
  /** Runs before a message is stored; a rejection is a failed commit. */
  beforeStore: () => Promise<void>;
  clock: ReturnType<typeof createManualClock>;
  stop(): Promise<void>;
}

export async function bench(
  initial: Partial<Settings> = {},
  more: Partial<Pick<AcceptParts, 'reports' | 'suppressed' | 'signer'>> = {},
): Promise<Bench> {
  const stored: Stored[] = [];
  const receipts = new Map<string, { number: number; digest: Buffer }>();
  const log: string[] = [];
  const events = new Events();
  const clock = createManualClock(START);
  const store: AcceptStore = {
    async accept(envelope, recipients, content, receipt) {
      await self.beforeStore();
      const number = stored.length + 1;
      if (receipt) receipts.set(receipt.key.toString('hex'), { number, digest: receipt.digest });
      return stored.push({ envelope, recipients, content: Buffer.concat(content(number)).toString('utf8') });
    },
    receipt: key => receipts.get(key.toString('hex')),
    room: () => self.room,
    waiting: () => self.waiting,
  };
  const note = (_fields: object, text: string) => void log.push(text);
  const logger = { info: note, warn: note, error: note };
  const signer = createSigner({ clock, log: logger });
  const acceptor = createAcceptor({
    settings: () => self.settings,
    store,
    clock,
    events,
    log: logger,
    signer,
    node: 0,
    ...more,
  });
  const self: Bench = {
    stored,
    acceptor,
    signer,
    events,
    log,
    clock,
    port: 0,
    ports: [],
    settings: settings(initial),
    room: 'ok',
    waiting: 0,
    beforeStore: () => Promise.resolve(),
    stop: () => acceptor.stop(0),
  };
  const ports = (await acceptor.listen()).map(bound => bound.port);
  return Object.assign(self, { ports, port: ports[0] ?? 0 });
}
