/**
 * Talks to a running daemon over its Unix socket: one typed function per operation.
 *
 * Throws DaemonAway when nothing answers, Refusal and FaultError as the daemon said them, Error with a sentence for
 * anything else. Keeps no connection open between calls. Needs nothing but node:http, so that commands start fast.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { FaultError, type Fault } from '../kernel/fault.js';
import { Refusal, type Act, type Operations } from './operations.js';
import { suppressionClient, type SuppressionClient } from './suppression-client.js';
import type { TraceGap, TraceLine } from './trace-view.js';
import type { FeedView, SndsImportView } from './view.js';

/** Nobody answers at the socket, or it may not be opened. */
export class DaemonAway extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DaemonAway';
  }
}

export interface ShowFilter {
  readonly queue?: string;
  readonly limit?: number;
}

export interface JournalOptions {
  readonly since?: number;
  readonly type?: string;
  readonly source?: string;
  readonly provider?: string;
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

/** What is read and done without more than an operation says: the same over the socket, a promise where it is none. */
type Same = Pick<
  Operations,
  'forecast' | 'why' | 'pause' | 'resume' | 'lift' | 'undo' | 'stage' | 'retry' | 'remove' | 'alertTest' | 'reload'
> &
  Pick<Operations, 'status' | 'sources' | 'lanes' | 'jobs' | 'windows' | 'providers' | 'schedules' | 'settings' | 'tls'>;

type Asked = {
  readonly [Name in keyof Same]: (...given: Parameters<Same[Name]>) => Promise<Awaited<ReturnType<Same[Name]>>>;
};

export interface ControlClient extends Asked {
  readonly suppression: SuppressionClient;
  importSnds(csv: Readable, act: Act): ReturnType<Operations['importSnds']>;
  /** Epoch milliseconds of the daemon's wall clock when it last answered; the local clock before. */
  now(): number;
  queues(filter?: ShowFilter): Promise<ReturnType<Operations['queues']>>;
  messages(filter?: ShowFilter): ReturnType<Operations['messages']>;
  /** Refused when the doctor has not looked. */
  doctor(): Promise<NonNullable<ReturnType<Operations['doctor']>>>;
  /** Lines with an id above `after`, oldest first; with `follow`, new ones as they come, until `signal` aborts or the daemon ends. */
  events(options: { readonly after?: number; readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<FeedView>;
  /** The live SMTP dialogue of a lane, a source or a message, until `signal` aborts or the daemon ends; resolves when it listens. */
  trace(target: string, signal?: AbortSignal): Promise<AsyncIterable<TraceLine | TraceGap>>;
  /** The whole journal as far as it matches, oldest first; globs, and milliseconds back from the daemon's now. */
  journal(options: JournalOptions): AsyncIterable<FeedView>;
  /** Resolves when the daemon has begun to stop. */
  stop(act: Act): Promise<void>;
}

export function connectControl(socket: string): ControlClient {
  let ahead = 0;
  const heard = (response: IncomingMessage): IncomingMessage => {
    const told = Date.parse(String(response.headers['rampd-now'] ?? ''));
    if (Number.isFinite(told)) ahead = told - Date.now();
    return response;
  };
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const response = heard(await open(socket, method, path, body));
    const text = await textOf(response);
    if ((response.statusCode ?? 500) >= 300) throw failure(response.statusCode ?? 500, text);
    return JSON.parse(text) as T;
  };
  const begun = async (path: string, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    const response = heard(await open(socket, 'GET', path, undefined, signal));
    if (response.statusCode !== 200) throw failure(response.statusCode ?? 500, await textOf(response));
    return response;
  };
  async function* read<T>(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<T> {
    try {
      for await (const line of linesOf(response)) {
        if (line !== '') yield JSON.parse(line) as T;
      }
    } catch (error) {
      if (!signal?.aborted) throw away(error as NodeJS.ErrnoException, socket);
    } finally {
      response.destroy();
    }
  }
  async function* lines(path: string, signal: AbortSignal | undefined): AsyncGenerator<FeedView> {
    yield* read<FeedView>(await begun(path, signal), signal);
  }
  const show = <T>(kind: string, filter: ShowFilter = {}): Promise<T> => call('GET', `/v1/show/${kind}${query({ ...filter })}`);

  /** CSV in either direction, as it comes. */
  const stream = async (method: 'GET' | 'POST', path: string, csv?: Readable): Promise<IncomingMessage> => {
    const response = heard(await open(socket, method, path, csv));
    if ((response.statusCode ?? 500) >= 300) throw failure(response.statusCode ?? 500, await textOf(response));
    return response;
  };

  return {
    suppression: suppressionClient({ call, stream, query }),
    async importSnds(csv, act) {
      return JSON.parse(await textOf(await stream('POST', `/v1/import/snds${query({ ...act })}`, csv))) as SndsImportView;
    },
    now: () => Date.now() + ahead,
    status: () => call('GET', '/v1/status'),
    sources: () => show('sources'),
    lanes: () => show('lanes'),
    queues: filter => show('queues', filter),
    jobs: () => show('jobs'),
    windows: () => show('windows'),
    providers: () => show('providers'),
    schedules: () => show('schedules'),
    settings: () => show('settings'),
    tls: () => show('tls'),
    doctor: () => call('GET', '/v1/doctor'),
    messages: filter => show('messages', filter),
    forecast: pool => call('GET', `/v1/forecast${query({ pool })}`),
    why: target => call('GET', `/v1/why${query({ target })}`),
    events: ({ after = 0, follow, signal }) => lines(`/v1/events${query({ after, follow: follow ? 1 : 0 })}`, signal),
    trace: async (target, signal) => read(await begun(`/v1/trace${query({ target })}`, signal), signal),
    journal: ({ follow, signal, ...filter }) => lines(`/v1/journal${query({ ...filter, follow: follow ? 1 : 0 })}`, signal),
    pause: async (target, act) => (await call<{ names: string[] }>('POST', '/v1/pause', { target, ...act })).names,
    resume: async (target, act) => (await call<{ names: string[] }>('POST', '/v1/resume', { target, ...act })).names,
    lift: async (window, act) => void (await call('POST', '/v1/lift', { window, ...act })),
    undo: async (id, act) => (await call<{ text: string }>('POST', '/v1/undo', { id, ...act })).text,
    stage: async (verb, source, options, act) =>
      (await call<{ text: string }>('POST', '/v1/stage', { verb, source, ...options, ...act })).text,
    retry: async (target, act) => (await call<{ recipients: number }>('POST', '/v1/retry', { target, ...act })).recipients,
    remove: async (filter, act) => (await call<{ recipients: number }>('POST', '/v1/delete', { filter, ...act })).recipients,
    alertTest: async act => (await call<{ ways: string[] }>('POST', '/v1/alert-test', act)).ways,
    reload: act => call('POST', '/v1/reload', act),
    stop: async act => void (await call('POST', '/v1/stop', act)),
  };
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const said = Object.entries(values).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return said.length === 0 ? '' : `?${new URLSearchParams(said.map(([key, value]): [string, string] => [key, String(value)])).toString()}`;
}

function open(socket: string, method: string, path: string, body: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const csv = body instanceof Readable ? body : undefined;
    const text = body === undefined || csv ? undefined : JSON.stringify(body);
    const request = httpRequest({
      socketPath: socket,
      method,
      path,
      agent: false,
      headers: csv
        ? { 'content-type': 'text/csv' }
        : text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      ...(signal ? { signal } : {}),
    });
    request.once('response', resolve);
    request.once('error', (error: NodeJS.ErrnoException) => reject(away(error, socket)));
    if (!csv) return void request.end(text);
    csv.once('error', error => {
      request.destroy();
      reject(error);
    });
    csv.pipe(request);
  });
}

function away(error: NodeJS.ErrnoException, socket: string): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') {
    return new DaemonAway(`no daemon answers at ${socket}: is it running? start it with \`rampd start\`, or name its socket with --socket`);
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new DaemonAway(`the daemon's socket ${socket} may be opened by its owner only: run this command as that user`);
  }
  if (error.code === 'EINVAL' || error.code === 'ENAMETOOLONG') return new DaemonAway(`${socket} cannot be the path of a socket`);
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    return new DaemonAway(`the daemon at ${socket} ended in the middle of its answer`);
  }
  return error;
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function failure(status: number, text: string): Error {
  let told: { error?: unknown; faults?: unknown } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // Not JSON: somebody else answers at this socket; the status says what can be said.
  }
  if (status === 422 && Array.isArray(told.faults)) return new FaultError(told.faults as Fault[]);
  const sentence = typeof told.error === 'string' ? told.error : `the daemon answered with status ${status}`;
  return status === 409 ? new Refusal(sentence) : new Error(sentence);
}
