/**
 * The TCP socket HTTP is spoken on: bound, moved and closed as the settings say, bounded in connections and patience.
 *
 * A change that cannot be made leaves what listened before listening. Until it is told who serves, it answers 503.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { peerOf } from '../accept/clients.js';
import { FaultError } from '../kernel/fault.js';
import type { HttpSettings } from '../kernel/settings.js';
import { MINUTE, SECOND } from '../kernel/units.js';
import type { ControlLog } from './server.js';

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export const HTTP_BOUNDS = {
  connections: 1_000,
  /** Nobody takes the room of all others. */
  connectionsOfAddress: 200,
  /** For the TLS handshake, and for the head of a request after it. */
  headPatience: 10 * SECOND,
};
/** How often node looks for requests whose time is over; 30 s unless said. */
const LOOK_EVERY = SECOND;
/** Of a whole request: 35 MB at 5 Mbit/s. */
const PATIENCE = MINUTE;

interface Open {
  readonly settings: HttpSettings;
  readonly server: Server | HttpsServer;
}

type Certificate = { readonly cert: Buffer; readonly key: Buffer };

const keyOf = ({ address, port, tls }: HttpSettings) => `${address} ${port} ${tls ? 'tls' : 'plain'}`;

export class HttpListener {
  #open: Open | undefined;
  #handler: HttpHandler | undefined;

  constructor(
    private readonly log: ControlLog,
    private readonly bounds: typeof HTTP_BOUNDS = HTTP_BOUNDS,
  ) {}

  get bound(): { address: string; port: number } | undefined {
    const at = this.#open?.server.address() as AddressInfo | null | undefined;
    return at ? { address: at.address, port: at.port } : undefined;
  }

  serve(handler: HttpHandler): void {
    this.#handler = handler;
  }

  /** undefined: no HTTP. Throws FaultError. */
  async apply(next: HttpSettings | undefined): Promise<void> {
    const before = this.#open;
    const certificate = next && readHttpCertificate(next);
    if (next && before && keyOf(before.settings) === keyOf(next)) {
      if (certificate && before.server instanceof HttpsServer) before.server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
      this.#open = { settings: next, server: before.server };
      return;
    }
    // The same socket cannot be bound twice: what speaks clear text there goes first, and comes back if TLS cannot.
    const same = next && before && next.address === before.settings.address && next.port === before.settings.port;
    if (same) {
      this.#open = undefined;
      await ended(before.server);
    }
    try {
      this.#open = next && { settings: next, server: await this.#listen(next, certificate) };
    } catch (error) {
      if (same)
        this.#open = { settings: before.settings, server: await this.#listen(before.settings, readHttpCertificate(before.settings)) };
      throw error;
    }
    if (before && !same) void ended(before.server);
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open) await ended(open.server);
  }

  #listen(settings: HttpSettings, certificate: Certificate | undefined): Promise<Server | HttpsServer> {
    const { connections, connectionsOfAddress, headPatience } = this.bounds;
    const options = {
      requestTimeout: PATIENCE,
      headersTimeout: headPatience,
      connectionsCheckingInterval: LOOK_EVERY,
      keepAliveTimeout: MINUTE,
      maxHeaderSize: 16 * 1024,
    };
    const answer: HttpHandler = (request, response) => {
      if (this.#handler) return this.#handler(request, response);
      response
        .writeHead(503, { 'content-type': 'application/json', 'retry-after': '5' })
        .end('{"error":"starting up, try again in a moment"}');
    };
    const server = certificate
      ? createHttpsServer({ ...options, ...certificate, handshakeTimeout: headPatience, minVersion: 'TLSv1.2' }, answer)
      : createHttpServer(options, answer);
    server.maxConnections = connections;
    capByAddress(server, connectionsOfAddress);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(new FaultError([bindFault(settings, error)])));
      server.listen({ host: settings.address, port: settings.port }, () => {
        server.removeAllListeners('error');
        server.on('error', error => this.log.error(`http: ${error.message}`));
        resolve(server);
      });
    });
  }
}

/** Who has too many open already is hung up on, before TLS. */
function capByAddress(server: Server | HttpsServer, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = peerOf(socket.remoteAddress ?? '');
    const others = open.get(address) ?? 0;
    if (others >= most) return void socket.destroy();
    open.set(address, others + 1);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

/** Idle connections go at once, answers under way have two seconds. */
async function ended(server: Server | HttpsServer): Promise<void> {
  const force = setTimeout(() => server.closeAllConnections(), 2_000);
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(force);
}

/** Throws FaultError: `forbidden-file` when this account may not read it. */
export function readHttpCertificate({ tls, from }: HttpSettings): Certificate | undefined {
  if (!tls) return undefined;
  try {
    const certificate = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const what = `the certificate for HTTP cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    const hint = 'cert and key are PEM files that belong together and that the daemon may read';
    const code = (error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden-file' : 'bad-certificate';
    throw new FaultError([{ code, place: from, what, hint }]);
  }
}

function bindFault({ address, port, from }: HttpSettings, error: NodeJS.ErrnoException) {
  const what = `HTTP cannot listen on ${address}:${port}: ${error.code === 'EADDRINUSE' ? 'another program listens there' : error.message}`;
  return { code: 'cannot-listen', place: from, what, hint: 'say another control: { http: { address: … } }' };
}
