/**
 * POST /v1/messages: one message, or a batch of them, each taken or refused by itself. 2xx is said when the store has promised.
 *
 * With an Idempotency-Key a request asked again within a day is answered again and stores nothing; the receipt is as durable
 * as its message. The same key with another body is refused with 422, and with 409 while the first is under way.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Acceptor } from '../accept/acceptor.js';
import { compose } from '../accept/compose.js';
import type { Identity } from '../accept/identity.js';
import { batchShape, jsonFaults, messageShape, type JsonFault, type MessageJson } from '../accept/message-shape.js';
import { SmtpRefusal } from '../accept/ports.js';
import type { Clock } from '../kernel/clock.js';
import type { HttpToken } from '../kernel/settings.js';
import { DAY } from '../kernel/units.js';
import { HttpError } from './http-body.js';

const KEPT = DAY;
const RETRY_AFTER = 30;
/** Messages of a batch being stored at once: they share the syncs of the disk. */
const AT_ONCE = 16;

export type MessageDoor = Pick<Acceptor, 'inject' | 'receipt' | 'assertOpen' | 'budget'>;

/** What became of one message. */
type Result = { readonly id: string } | Failure;
interface Failure {
  readonly status: number;
  readonly error: string;
  readonly faults?: readonly JsonFault[];
}

interface Caller {
  readonly identity: Identity;
  readonly address: string;
  readonly secure: boolean;
}

export class MessageDesk {
  readonly #underWay = new Set<string>();

  constructor(
    private readonly door: MessageDoor,
    private readonly clock: Clock,
    /** What is refused before it comes to the door, which tells of the rest. */
    private readonly tell: (token: string, address: string, status: number, text: string) => void,
    /** From then on nothing more of a batch is taken: its answer, which says what was, has little time to go out. */
    private readonly closing: AbortSignal,
  ) {}

  mount(app: FastifyInstance, tokenOf: (request: FastifyRequest) => HttpToken): void {
    app.post('/v1/messages', { config: { roles: ['inject', 'operator'] } }, async (request, reply) => {
      const token = tokenOf(request);
      if (!token.client) throw new HttpError(403, `token ${token.name} hands no mail in: it has no pool`);
      const identity: Identity = { client: token.client, name: token.name, user: token.name };
      const caller = { identity, address: request.raw.socket.remoteAddress ?? '', secure: 'encrypted' in request.raw.socket };
      try {
        return await this.#under(keyOf(request), token.name, async key => {
          const { status, body } = await this.#answer(caller, request.body, key);
          return reply
            .code(status)
            .headers(status === 503 ? { 'retry-after': RETRY_AFTER } : {})
            .send(body);
        });
      } catch (error) {
        if (error instanceof HttpError) this.tell(token.name, caller.address, error.statusCode, error.message);
        throw error;
      }
    });
  }

  #refuse({ identity, address }: Caller, failure: Failure): Failure {
    const [fault] = failure.faults ?? [];
    this.tell(identity.name, address, failure.status, fault ? `${failure.error}: ${fault.path} ${fault.message}` : failure.error);
    return failure;
  }

  /** One request at a time under a key. */
  async #under<T>(key: string | undefined, token: string, act: (key: Buffer | undefined) => Promise<T>): Promise<T> {
    if (key === undefined) return act(undefined);
    const hash = createHash('sha256')
      .update(JSON.stringify([token, key]))
      .digest();
    const name = hash.toString('base64');
    if (this.#underWay.has(name)) throw new HttpError(409, 'a request with this Idempotency-Key is under way', 1);
    this.#underWay.add(name);
    try {
      return await act(hash);
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #answer(caller: Caller, body: unknown, key: Buffer | undefined): Promise<{ status: number; body: unknown }> {
    const isBatch = typeof body === 'object' && body !== null && 'messages' in body;
    const batch = isBatch ? batchShape.safeParse(body) : undefined;
    if (batch && !batch.success)
      return failed(this.#refuse(caller, { status: 422, error: 'the batch cannot be read', faults: jsonFaults(batch.error) }));
    const written = batch ? batch.data.messages : [body];
    const digest = key && digestOf(body);
    const receipts = written.map((_, i) => key && receiptKey(key, i));
    const known = receipts.map(one => one && this.door.receipt(one));
    if (digest && known.some(one => one && !one.digest.equals(digest))) {
      return failed(this.#refuse(caller, { status: 422, error: 'this Idempotency-Key came with another body before' }));
    }
    if (!known.every(Boolean)) this.#assertOpen();
    const results: Result[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < written.length; i = next++) {
        const before = known[i];
        const receiptOf = receipts[i];
        const receipt = receiptOf && digest && { key: receiptOf, digest, until: this.clock.now() + KEPT };
        results[i] = before ? { id: before.id } : await this.#take(caller, written[i], receipt);
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, written.length) }, worker));
    if (batch) return { status: 200, body: { results } };
    const [result] = results;
    if (!result || 'error' in result) return failed(result ?? { status: 422, error: 'there is no message' });
    return { status: 202, body: result };
  }

  #assertOpen(): void {
    try {
      this.door.assertOpen();
    } catch (error) {
      if (error instanceof SmtpRefusal) throw new HttpError(503, error.text, RETRY_AFTER);
      throw error;
    }
  }

  async #take(caller: Caller, written: unknown, receipt: { key: Buffer; digest: Buffer; until: number } | undefined): Promise<Result> {
    const read = messageShape.safeParse(written);
    if (this.closing.aborted) return this.#refuse(caller, { status: 503, error: 'stopping, try again in a moment' });
    const unreadable = (faults: readonly JsonFault[]) => this.#refuse(caller, { status: 422, error: 'the message cannot be read', faults });
    if (!read.success) return unreadable(jsonFaults(read.error));
    const message = read.data;
    const steering = steered(caller.identity, message);
    if (steering) return this.#refuse(caller, steering);
    const composed = await compose(message, this.clock.wall());
    if (!composed.ok) return unreadable(composed.faults);
    const { value } = composed;
    const { envid, ret, pool, job, warmUp, priority } = message;
    try {
      const { id } = await this.door.inject({
        ...value,
        identity: caller.identity,
        ...(envid !== undefined ? { envid } : {}),
        ...(ret !== undefined ? { ret: ret === 'full' ? 'FULL' : 'HDRS' } : {}),
        wishes: {
          ...(pool !== undefined ? { pool } : {}),
          ...(job !== undefined ? { job } : {}),
          ...(warmUp ? { warmUp } : {}),
          ...(priority ? { priority } : {}),
        },
        ...(receipt ? { receipt } : {}),
        trace: { helo: caller.identity.name, address: caller.address, protocol: caller.secure ? 'HTTPS' : 'HTTP' },
        unique: randomUUID(),
      });
      return { id };
    } catch (error) {
      if (error instanceof SmtpRefusal) return refused(error);
      throw error;
    }
  }
}

const failed = (failure: Failure): { status: number; body: Omit<Failure, 'status'> } => {
  const { status, ...body } = failure;
  return { status, body };
};

/** 4xx of SMTP is "later", 5xx is "never". */
function refused({ responseCode, text }: SmtpRefusal): Failure {
  if (responseCode < 500) return { status: 503, error: text };
  return { status: responseCode === 552 ? 413 : 422, error: text };
}

/** Only tokens that may steer say where mail goes. */
function steered({ client }: Identity, message: MessageJson): Failure | undefined {
  if (client.allowHeaders) return undefined;
  const faults = (['pool', 'warmUp', 'priority'] as const)
    .filter(key => message[key] !== undefined)
    .map(path => ({ path, message: 'is for tokens with allow-headers: true' }));
  return faults.length > 0 ? { status: 403, error: 'this token may not steer mail', faults } : undefined;
}

/** Throws HttpError for what no message looks like. */
function digestOf(body: unknown): Buffer {
  try {
    return createHash('sha256')
      .update(JSON.stringify(body) ?? '')
      .digest();
  } catch {
    throw new HttpError(400, 'the body is nested too deeply');
  }
}

const receiptKey = (key: Buffer, index: number): Buffer => createHash('sha256').update(key).update(String(index)).digest();

/** The header draft-ietf-httpapi-idempotency-key-header describes; quotes around it are taken off. */
function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = String(header).replace(/^"(.*)"$/, '$1');
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new HttpError(400, 'Idempotency-Key is 1 to 200 printable ASCII characters without blanks');
  return key;
}
