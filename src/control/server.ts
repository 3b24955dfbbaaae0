/**
 * The control API: Operations over HTTP on a Unix socket that only its owner may open.
 *
 * GET /v1/status, /v1/doctor, /v1/show/:kind, /v1/why, /v1/forecast, /v1/events, /v1/journal, /v1/trace; POST /v1/pause, resume, lift, undo, stage, retry, delete, reload, stop;
 * and /v1/suppression.
 * Answers JSON: Refusal → 409 {error}, FaultError → 422 {faults}, an ill-formed request → 400 {error}, unknown → 404 {error}.
 * Holds no state and decides nothing; a bug in an operation answers 500 with its message and is logged, never its stack.
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { FaultError, type Place } from '../kernel/fault.js';
import { globMatches } from '../kernel/text.js';
import { actRoutes } from './act-routes.js';
import { eventStream } from './event-stream.js';
import { fileRoutes } from './file-routes.js';
import { HttpError } from './http-body.js';
import { Refusal, type JournalFilter, type Operations } from './operations.js';
import {
  BadRequest,
  checked,
  eventsQuery,
  forecastQuery,
  journalQuery,
  SHOWN,
  showQuery,
  traceQuery,
  whyQuery,
  type Shown,
} from './requests.js';
import { bindPrivately, claim } from './socket-file.js';
import { TraceFollower, traceStream } from './trace-stream.js';

/** Header that carries the daemon's wall clock, so that clients say "in 12m" by the daemon's time. */
export const NOW_HEADER = 'rampd-now';

export interface ControlLog {
  info(text: string): void;
  error(text: string): void;
}

export interface ControlOptions {
  readonly socket: string;
  /** Where its path was written down. */
  readonly from?: Place;
  readonly operations: Operations;
  readonly log: ControlLog;
  /** Epoch milliseconds shown to clients; the system's wall clock unless given (the lab's runs faster). */
  readonly wall?: () => number;
  /** Real milliseconds between heartbeats on the event stream. */
  readonly heartbeat?: number;
}

export interface Control {
  /** Ends the streams, lets answers under way finish for at most two seconds, removes the socket. */
  close(): Promise<void>;
}

/** Throws FaultError when the path is unfit, in use, not a socket, or not to be made. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { socket } = options;
  const wall = options.wall ?? Date.now;
  const unfit = (error: unknown): never => {
    const place = options.from ?? { file: socket, line: 0, col: 0 };
    throw new FaultError([{ code: 'control-socket', place, what: (error as Error).message }]);
  };
  await claim(socket).catch(unfit);
  const app = fastify({ bodyLimit: 64 * 1024, forceCloseConnections: false });
  const closing = new AbortController();

  app.addHook('onRequest', (_request, reply, done) => {
    void reply.header(NOW_HEADER, new Date(wall()).toISOString());
    done();
  });
  mountRoutes(app, options, closing.signal);

  await app.ready();
  await bindPrivately(app.server, socket).catch(unfit);
  return {
    async close() {
      closing.abort();
      const force = setTimeout(() => app.server.closeAllConnections(), 2_000);
      await new Promise<void>(resolve => {
        app.server.close(() => resolve());
        app.server.closeIdleConnections();
      });
      clearTimeout(force);
      await app.close();
    },
  };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes a file as text/csv; else a POST takes JSON. */
    csv?: boolean;
  }
}

/** All of the control API, for who may use it; `closing` ends the streams. */
export function mountRoutes(app: FastifyInstance, options: Omit<ControlOptions, 'socket'>, closing: AbortSignal): void {
  const { operations, log } = options;
  const wall = options.wall ?? Date.now;
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: `there is no ${request.method} ${request.url.slice(0, 200)}` }));
  app.addHook('preHandler', async request => {
    if (request.method !== 'POST' || request.is404) return;
    const { csv = false } = request.routeOptions.config;
    if (csv !== request.body instanceof Readable) throw new HttpError(415, `this takes ${csv ? 'text/csv' : 'application/json'}`);
  });
  readRoutes(app, operations);
  actRoutes(app, operations, log);
  fileRoutes(app, operations);

  const heartbeat = options.heartbeat ?? 15_000;
  const streamed = (reply: FastifyReply, lines: (signal: AbortSignal) => AsyncGenerator<string>): FastifyReply => {
    const gone = new AbortController();
    // Whoever went while something was looked up for them closes nothing any more.
    if (reply.raw.destroyed) gone.abort();
    reply.raw.once('close', () => gone.abort());
    const text = lines(AbortSignal.any([closing, gone.signal]));
    return reply.type('application/x-ndjson').send(Readable.from(text, { objectMode: false }));
  };
  const stream = (reply: FastifyReply, after: number, follow: boolean, filter?: JournalFilter): FastifyReply =>
    streamed(reply, signal => eventStream(operations, { after, follow, heartbeat, signal }, filter));
  app.get('/v1/trace', async (request, reply) => {
    const follower = new TraceFollower();
    // Before the answer begins: a target that nobody knows is refused.
    const off = await operations.trace(checked(traceQuery, request.query).target, line => follower.hear(line));
    return streamed(reply, signal => traceStream(follower, off, { heartbeat, signal }));
  });
  app.get('/v1/events', (request, reply) => {
    const { after, follow } = checked(eventsQuery, request.query);
    return stream(reply, after, follow === '1');
  });
  app.get('/v1/journal', (request, reply) => {
    const { follow, since, type, source, provider } = checked(journalQuery, request.query);
    return stream(reply, 0, follow === '1', {
      ...(since === undefined ? {} : { since: wall() - since }),
      ...(type === undefined ? {} : { type }),
      ...(source === undefined ? {} : { source }),
      ...(provider === undefined ? {} : { provider }),
    });
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: ControlLog): FastifyReply {
  if (error instanceof Refusal) return reply.code(409).send({ error: error.message });
  if (error instanceof FaultError) return reply.code(422).send({ faults: error.faults });
  if (error instanceof BadRequest) return reply.code(400).send({ error: error.message });
  if (error instanceof HttpError) {
    if (error.retryAfter !== undefined) void reply.header('retry-after', error.retryAfter);
    return reply.code(error.statusCode).send({ error: error.message });
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode < 500) return reply.code(statusCode).send({ error: message });
  log.error(
    `control: ${request.method} ${request.url.slice(0, 200)} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return reply.code(500).send({ error: message ?? 'unexpected trouble; the log says more' });
}

function readRoutes(app: FastifyInstance, operations: Operations): void {
  app.get('/v1/status', { config: { roles: ['read', 'operator'] } }, () => operations.status());
  app.get('/v1/doctor', { config: { roles: ['read', 'operator'] } }, async () => {
    const found = operations.doctor();
    if (!found)
      throw new Refusal(
        'the doctor has not looked: it does at the start, unless doctor: { at-start } or private addresses keep it from it',
      );
    return found;
  });
  app.get<{ Params: { kind: string } }>('/v1/show/:kind', (request, reply) => {
    const kind = SHOWN.find(known => known === request.params.kind);
    if (!kind)
      return reply
        .code(404)
        .send({ error: `there is nothing to show called ${request.params.kind.slice(0, 50)}; there is: ${SHOWN.join(', ')}` });
    const { queue, limit } = checked(showQuery, request.query);
    return shown(kind, operations, queue, limit);
  });
  // async: what an operation throws at once reaches the error handler as a rejection.
  app.get('/v1/forecast', async request => operations.forecast(checked(forecastQuery, request.query).pool));
  app.get('/v1/why', request => operations.why(checked(whyQuery, request.query).target));
}

/** async: what an operation throws at once reaches the error handler as a rejection. */
async function shown(kind: Shown, operations: Operations, queue: string | undefined, limit: number | undefined): Promise<unknown> {
  if (kind === 'settings') return operations.settings();
  if (kind === 'tls') return operations.tls();
  if (kind === 'messages') return operations.messages({ limit: limit ?? 100, ...(queue === undefined ? {} : { queue }) });
  if (kind === 'queues') {
    const queues = operations.queues();
    return (queue === undefined ? queues : queues.filter(q => globMatches(queue, `${q.domain}@${q.pool}`))).slice(0, limit);
  }
  const read = {
    sources: 'sources',
    vmtas: 'sources',
    lanes: 'lanes',
    jobs: 'jobs',
    windows: 'windows',
    schedules: 'schedules',
    providers: 'providers',
  } as const;
  return operations[read[kind]]().slice(0, limit);
}
