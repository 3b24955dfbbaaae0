/**
 * HTTP on a TCP port: POST /v1/messages, GET /v1/messages/:id, /v1/status, /metrics, /v1/openapi.json, and for operators all of
 * the control API.
 *
 * Nobody is heard whose address is not allowed (403), or who brings no known token (401). What an operator does is journalled
 * under the name of the token, whatever the request says. Bound before the daemon gives up root; answers 503 until serve().
 */
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { tellRefused } from '../accept/refusals.js';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { HttpSettings, HttpToken, Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { HttpError, readJsonBody } from './http-body.js';
import { HttpListener } from './http-listener.js';
import { MessageDesk, type MessageDoor } from './http-messages.js';
import { Tokens } from './http-tokens.js';
import { metricsText, type ProcessFigures } from './metrics.js';
import { openApi } from './openapi.js';
import type { Operations } from './operations.js';
import { mountRoutes, NOW_HEADER, type ControlLog } from './server.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose tokens may ask; operators' alone unless said. */
    roles?: readonly HttpToken['role'][];
  }
}

export interface HttpParts {
  readonly settings: () => Settings;
  readonly door: MessageDoor;
  readonly clock: Clock;
  readonly events: Events;
  readonly log: ControlLog;
  readonly version: string;
  readonly figures: () => ProcessFigures;
}

export interface Http {
  /** Opens, moves or closes the listener as these settings say. Throws FaultError, and then what was open is open still. */
  apply(next: Settings): Promise<void>;
  /** From now on requests are answered. */
  serve(operations: Operations): Promise<void>;
  readonly bound: { readonly address: string; readonly port: number } | undefined;
  /** Lets answers under way finish for at most two seconds. */
  close(): Promise<void>;
}

/** Messages looked for at once: each search reads all keys of the spool. */
const MOST_SEARCHES = 4;
const UNREAD = Symbol('a body not read yet');

export function createHttp(parts: HttpParts): Http {
  const listener = new HttpListener(parts.log);
  const closing = new AbortController();
  return {
    apply: next => listener.apply(next.control.http),
    async serve(operations) {
      const app = appOf(parts, operations, closing.signal);
      await app.ready();
      listener.serve((request, response) => app.routing(request, response));
    },
    get bound() {
      return listener.bound;
    },
    async close() {
      closing.abort();
      await listener.close();
    },
  };
}

function appOf(parts: HttpParts, operations: Operations, closing: AbortSignal): FastifyInstance {
  const { settings, door, clock, log } = parts;
  const app = fastify({ bodyLimit: Number.MAX_SAFE_INTEGER, forceCloseConnections: false });
  const callers = new WeakMap<FastifyRequest, HttpToken>();
  const http = (): HttpSettings | undefined => settings().control.http;
  const tokens = new Tokens(http, clock);

  // The body stays unread until the caller is known; see preValidation.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', (_request, _payload, done) => done(null, UNREAD));

  const tell = (client: string, address: string, code: number, text: string): void =>
    tellRefused(parts.events, { at: 'http', client, address, code, text });

  app.addHook('onRequest', async (request, reply) => {
    void reply.header(NOW_HEADER, new Date(clock.wall()).toISOString());
    const address = request.raw.socket.remoteAddress ?? '';
    const refuse = (status: number, text: string, retryAfter?: number): never => {
      tell(address, address, status, text);
      throw new HttpError(status, text, retryAfter);
    };
    if (!tokens.heard(address)) refuse(403, 'this address is not allowed');
    const token = await tokens.whose(request.headers.authorization);
    if (token === 'busy') return refuse(429, 'too many tokens are being checked', 5);
    if (!token) {
      void reply.header('www-authenticate', 'Bearer realm="rampd"');
      return refuse(
        401,
        request.headers.authorization === undefined ? 'a token is needed: Authorization: Bearer TOKEN' : 'the token is not known',
      );
    }
    const roles = request.routeOptions.config?.roles ?? ['operator'];
    if (!request.is404 && !roles.includes(token.role)) refuse(403, `token ${token.name} has the role ${token.role} and may not do this`);
    callers.set(request, token);
  });
  app.addHook('preValidation', async (request, reply) => {
    const author = callers.get(request)?.name;
    const query = request.query as Record<string, unknown>;
    // Who acts is who came, not who is named.
    if ('author' in query || request.routeOptions.config?.csv) query.author = author;
    const messages = request.url.startsWith('/v1/messages');
    if (request.method === 'POST' && request.body === undefined && !messages) request.body = { author };
    if (request.body !== UNREAD) return;
    // base64 takes four bytes for three.
    const most = Math.ceil(settings().maxMessageSize * 1.4) + 64 * 1024;
    const body = await readJsonBody(request.raw, reply.raw, most, door.budget).catch((error: unknown) => {
      // Who went away was not refused.
      if (error instanceof HttpError && (request.raw.complete || !request.raw.destroyed))
        tell(author ?? '', request.raw.socket.remoteAddress ?? '', error.statusCode, error.message);
      throw error;
    });
    const named = typeof body === 'object' && body !== null && !Array.isArray(body) && !messages;
    request.body = named ? { ...body, author } : body;
  });

  const tokenOf = (request: FastifyRequest): HttpToken => {
    const token = callers.get(request);
    if (!token) throw new Error('a request came through without a token');
    return token;
  };
  mountRoutes(app, { operations, log, wall: () => clock.wall() }, closing);
  new MessageDesk(door, clock, tell, closing).mount(app, tokenOf);
  readRoutes(app, parts, operations, tokenOf);
  return app;
}

function readRoutes(
  app: FastifyInstance,
  { version, figures }: HttpParts,
  operations: Operations,
  tokenOf: (request: FastifyRequest) => HttpToken,
): void {
  let searches = 0;
  const anybody = { config: { roles: ['inject', 'read', 'operator'] as const } };
  const readers = { config: { roles: ['read', 'operator'] as const } };
  app.get<{ Params: { id: string } }>('/v1/messages/:id', anybody, async request => {
    if (searches >= MOST_SEARCHES) throw new HttpError(503, 'too many messages are being looked for', 5);
    searches++;
    try {
      const found = await operations.message(request.params.id);
      const { role, name } = tokenOf(request);
      // Message ids follow one another: who hands mail in sees its own.
      if (found && (role !== 'inject' || found.client === name)) return found;
    } finally {
      searches--;
    }
    throw new HttpError(404, `no recipient of message ${printable(request.params.id, 60)} waits`);
  });
  app.get('/metrics', readers, (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(metricsText(operations.status(), figures())),
  );
  app.get('/v1/openapi.json', anybody, () => openApi(version));
}
