/**
 * The listening sockets: opened, closed and kept as the settings say.
 *
 * A change that cannot be made leaves what listened before listening. Connections of a closed listener finish what they
 * are in. Never offers the library's built-in certificate, TLS below 1.2, or a password prompt in clear text.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { FaultError, type Fault } from '../kernel/fault.js';
import { MOST_RECIPIENTS } from '../kernel/message.js';
import { LISTENER_IDLE, type Listener, type Settings } from '../kernel/settings.js';
import type { AcceptLog } from './ports.js';
import type { Connection } from './refusals.js';
import { batchReplies } from './replies.js';

const MOST_CONNECTIONS = 2_000;

interface Open {
  readonly listener: Listener;
  readonly server: SMTPServer;
  readonly bound: { readonly address: string; readonly port: number };
}

type Certificate = { readonly cert: Buffer; readonly key: Buffer };
type Handlers = (offersTls: () => boolean) => SMTPServerOptions;

export interface ListenersParts {
  readonly log: AcceptLog;
  /** A connection is open; nothing was said yet. */
  readonly came: (connection: Connection) => void;
  /** It was closed, by either side. */
  readonly went: (connection: Connection) => void;
}

/** The library's set of open connections, which says when one comes and goes. */
class Connections extends Set<Connection> {
  constructor(private readonly parts: ListenersParts) {
    super();
  }

  override add(connection: Connection): this {
    this.parts.came(connection);
    return super.add(connection);
  }

  override delete(connection: Connection): boolean {
    this.parts.went(connection);
    return super.delete(connection);
  }
}

const keyOf = (listener: Listener) => `${listener.address} ${listener.port} ${listener.tls?.mode ?? 'plain'}`;
const socketOf = (listener: Listener) => `${listener.address} ${listener.port}`;

export class Listeners {
  #open: Open[] = [];

  constructor(
    private readonly handlers: Handlers,
    private readonly parts: ListenersParts,
  ) {}

  get bound(): { address: string; port: number }[] {
    return this.#open.map(open => ({ ...open.bound }));
  }

  /** Brings the sockets in line with the settings. Throws FaultError, and then what was open is open still. */
  async apply(settings: Settings): Promise<void> {
    const certificates = readCertificates(settings.listeners);
    const gone = [...this.#open];
    const kept = new Map<Listener, Open>();
    for (const listener of settings.listeners) {
      const at = gone.findIndex(open => keyOf(open.listener) === keyOf(listener));
      const [open] = at < 0 ? [] : gone.splice(at, 1);
      if (open) kept.set(listener, open);
    }
    const missing = settings.listeners.filter(listener => !kept.has(listener));
    // An address whose TLS mode changes must be let go before it can be bound again.
    const rebound = gone.filter(open => missing.some(listener => socketOf(listener) === socketOf(open.listener)));
    rebound.forEach(open => open.server.close());
    const opened = new Map<Listener, Open>();
    try {
      for (const listener of missing) opened.set(listener, await this.#listen(listener, settings, certificates.get(listener)));
    } catch (error) {
      opened.forEach(open => open.server.close());
      await this.#putBack(rebound, settings);
      throw error;
    }
    for (const [listener, { server, bound }] of kept) {
      const certificate = certificates.get(listener);
      if (certificate) server.updateSecureContext(certificate);
      Object.assign(server.options, sizes(settings), room(listener));
      // As it is written now: what comes back after another reload has today's certificate.
      kept.set(listener, { listener, server, bound });
    }
    gone.filter(open => !rebound.includes(open)).forEach(open => open.server.close());
    this.#open = settings.listeners.flatMap(listener => kept.get(listener) ?? opened.get(listener) ?? []);
  }

  /** Cuts idle connections, lets transactions finish for `graceMs`, then ends the rest. */
  async stop(graceMs: number): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(
      open.map(
        ({ server }) =>
          new Promise<void>(resolve => {
            server.options.closeTimeout = Math.max(1, graceMs);
            server.close(() => resolve());
            for (const connection of [...server.connections]) {
              if (!connection.session.envelope?.mailFrom) connection.send(421, '4.3.2 Shutting down');
            }
          }),
      ),
    );
  }

  async #putBack(rebound: readonly Open[], settings: Settings): Promise<void> {
    for (const old of rebound) {
      this.#open = this.#open.filter(open => open !== old);
      try {
        const certificate = readCertificates([old.listener]).get(old.listener);
        this.#open.push(await this.#listen(old.listener, settings, certificate));
      } catch (error) {
        this.parts.log.error({ err: error, listener: socketOf(old.listener) }, 'a listener could not be opened again');
      }
    }
  }

  #listen(listener: Listener, settings: Settings, certificate: Certificate | undefined): Promise<Open> {
    const offersTls = listener.tls !== undefined;
    const server = new SMTPServer({
      ...this.handlers(() => offersTls),
      ...sizes(settings),
      ...room(listener),
      ...certificate,
      secure: listener.tls?.mode === 'implicit',
      hideSTARTTLS: !offersTls,
      minVersion: 'TLSv1.2',
      authMethods: ['PLAIN', 'LOGIN'],
      authOptional: true,
      disableReverseLookup: true,
      rejectOversized: true,
      hideDSN: false,
      // The library's own table of enhanced codes would stand in front of ours.
      hideENHANCEDSTATUSCODES: true,
      logger: false,
    });
    server.connections = new Connections(this.parts);
    server.server.on('connection', batchReplies);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(new FaultError([bindFault(listener, error)]));
      server.once('error', failed);
      server.listen({ host: listener.address, port: listener.port }, () => {
        server.off('error', failed);
        // Errors of single connections: resets, failed handshakes. Nothing was promised to them.
        server.on('error', error => this.parts.log.info({ err: error, listener: socketOf(listener) }, 'a client connection failed'));
        const { address, port } = server.server.address() as AddressInfo;
        resolve({ listener, server, bound: { address, port } });
      });
    });
  }
}

const sizes = (settings: Settings) => ({
  name: settings.hostName,
  size: settings.maxMessageSize,
  maxRecipients: Math.min(settings.maxRecipients, MOST_RECIPIENTS),
});

/** Of connections that come from now on. */
const room = (listener: Listener) => ({
  maxClients: listener.maxConnections ?? MOST_CONNECTIONS,
  socketTimeout: listener.idleTimeout ?? LISTENER_IDLE,
});

/** Throws FaultError: `forbidden-file` for what this account may not read. */
export function readCertificates(listeners: readonly Listener[]): Map<Listener, Certificate> {
  const faults: Fault[] = [];
  const certificates = new Map<Listener, Certificate>();
  for (const listener of listeners) {
    if (!listener.tls) continue;
    try {
      const certificate = { cert: readFileSync(listener.tls.cert), key: readFileSync(listener.tls.key) };
      createSecureContext(certificate);
      certificates.set(listener, certificate);
    } catch (error) {
      faults.push({
        code: (error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden-file' : 'bad-certificate',
        place: listener.from,
        what: `the certificate of ${listener.address}:${listener.port} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
        hint: 'cert and key are PEM files that belong together and that the daemon may read',
      });
    }
  }
  if (faults.length > 0) throw new FaultError(faults);
  return certificates;
}

const HINTS: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  EADDRINUSE: { what: 'another program listens there', hint: 'find it with `ss -ltnp`, or choose another port' },
  EACCES: { what: 'permission denied', hint: 'ports below 1024 need root or CAP_NET_BIND_SERVICE' },
  EADDRNOTAVAIL: { what: 'this machine has no such address', hint: 'see `ip address` for those it has' },
};

function bindFault(listener: Listener, error: NodeJS.ErrnoException): Fault {
  const known = HINTS[error.code ?? ''];
  return {
    code: 'cannot-listen',
    place: listener.from,
    what: `cannot listen on ${listener.address}:${listener.port}: ${known?.what ?? error.message}`,
    ...(known ? { hint: known.hint } : {}),
  };
}
