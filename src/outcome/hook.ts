/**
 * A webhook: what it is handed goes to its spool on disk, and from there by HTTP in batches until a 2xx answers for them.
 *
 * At least once: after a crash, or an answer that did not arrive, the same records come again, each with the id it had.
 * Tried again with growing pauses until a record is `giveUpAfter` old; 410 stops it until a reload or a restart. Nobody waits
 * for it: not mail, not other webhooks. What is given up is counted and said.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { HookTarget } from '../kernel/telling.js';
import { MINUTE, printDuration, SECOND, type Instant, type Ms } from '../kernel/units.js';
import { createPost, type Credentials, type Post } from './hook-request.js';
import type { HttpAnswer } from './http-exchange.js';
import { HookTrouble, type HookLog } from './hook-trouble.js';
import { type HookFormat, requestOf, writtenAt } from './hook-lines.js';
import { HookSpool, type SpooledLine } from './hook-spool.js';
import { LineWriter } from './line-writer.js';

export interface HookOptions {
  readonly name: string;
  /** Its spool. */
  readonly dir: string;
  readonly target: HookTarget;
  readonly format: HookFormat;
  /** Most lines in one request. */
  readonly batch: number;
  /** Longest a line waits for its batch to fill. */
  readonly every: Ms;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: HookLog;
  /** As HookTrouble calls it, and when its spool cannot be written. */
  readonly onTrouble: (text: string) => void;
  /** Its predecessor still uses the spool; begins when this resolves. Never rejects. */
  readonly after?: Promise<unknown>;
  /** For tests. */
  readonly post?: Post;
}

const SHORTEST_PAUSE = SECOND;
const LONGEST_PAUSE = 15 * MINUTE;

export class Hook {
  #stopped: string | undefined;
  #failure: { readonly text: string; readonly retryAt: Instant; readonly times: number } | undefined;
  readonly #trouble: HookTrouble;
  readonly #options: HookOptions;
  readonly #spool: HookSpool;
  readonly #writer: LineWriter;
  readonly #post: Post;
  readonly #end: () => void;
  readonly #closing = new AbortController();
  /** Tells the records of this process from those of others. */
  readonly #run: string;
  #count = 0;
  /** Lines of which it is not known that they were read; from when on they are sent though they fill no batch. */
  #unread = 0;
  #dueAt: Instant | undefined;
  #timer: Timer | undefined;
  /** What was read and not answered for: a request is repeated as it was. */
  #batch: SpooledLine[] = [];
  /** Lines in one request; fewer than asked for once the receiver finds so many too large. */
  #most: number;
  #sending: Promise<void> | undefined;

  constructor(options: HookOptions) {
    this.#options = options;
    this.#most = options.batch;
    this.#trouble = new HookTrouble(options);
    const { target, clock } = options;
    const { post, close } = createPost(target, options.credentials);
    this.#post = options.post ?? post;
    this.#end = close;
    this.#run = `${Math.floor(clock.wall() / SECOND).toString(36)}${Math.floor(options.random() * 36 ** 4).toString(36)}`;
    this.#spool = new HookSpool({
      dir: options.dir,
      most: target.maxSpool,
      ...(options.after && { after: options.after }),
      onDropped: lines => this.#trouble.gaveUp(lines, 'its spool is full'),
    });
    this.#writer = new LineWriter({
      sink: this.#spool,
      clock,
      onTrouble: ({ error, waiting, lost }) => {
        const text = `the spool of webhook ${options.name} cannot be written: ${messageOf(error)}`;
        options.log.error({ webhook: options.name, waiting, lost }, text);
        options.onTrouble(text);
      },
      onRecovered: () => options.log.warn({ webhook: options.name }, 'the spool of the webhook is written again'),
    });
  }

  /** Opens the spool; what waits there is sent. Rejects when it cannot be used. */
  async open(): Promise<void> {
    await this.#spool.open();
    if (this.#spool.bytes > 0) this.#wake();
  }

  /** Takes an object; `id` is put in front. */
  put(object: object): void {
    if (this.#stopped !== undefined) {
      this.#trouble.lost++;
      return;
    }
    const id = `${Math.floor(this.#options.clock.wall()).toString(36)}-${this.#run}-${(++this.#count).toString(36)}`;
    this.#writer.write(`${JSON.stringify({ id, ...object })}\n`);
    this.#unread++;
    this.#dueAt ??= this.#options.clock.now() + this.#options.every;
  }

  /** Resolves when everything put so far is in the spool, or when it cannot be. Never rejects, never waits for a request. */
  async flush(): Promise<void> {
    await this.#writer.flush();
    this.#plan();
  }

  /** Records in memory. */
  get waiting(): number {
    return this.#writer.waiting;
  }

  /** Bytes in the spool. */
  get bytes(): number {
    return this.#spool.bytes;
  }

  get lost(): number {
    return this.#trouble.lost + this.#writer.lost;
  }

  get error(): unknown {
    return this.#stopped ?? this.#failure?.text ?? this.#writer.error;
  }

  /** Resolves when no request is under way. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  /** What was not answered for stays in the spool. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#closing.abort();
    await this.#sending;
    await this.#writer.close();
    this.#trouble.close();
    this.#end();
  }

  /** Sets the timer for the next request. */
  #plan(): void {
    if (this.#sending || this.#closing.signal.aborted || this.#stopped !== undefined) return;
    // What was flushed only after somebody looked is sent in its turn.
    if (this.#batch.length === 0 && this.#spool.bytes > 0) this.#dueAt ??= this.#options.clock.now() + this.#options.every;
    const full = this.#unread >= this.#most;
    const due = this.#failure?.retryAt ?? (this.#batch.length > 0 || full ? this.#options.clock.now() : this.#dueAt);
    this.#timer?.cancel();
    if (due === undefined) return;
    if (due <= this.#options.clock.now()) return this.#wake();
    this.#timer = this.#options.clock.at(due, () => this.#wake());
  }

  #wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#sending ??= this.#send()
      .catch((error: unknown) => this.#failed(messageOf(error), undefined))
      .finally(() => {
        this.#sending = undefined;
        this.#plan();
      });
  }

  /** Sends until the spool is empty or a request fails. */
  async #send(): Promise<void> {
    const { clock, format } = this.#options;
    for (;;) {
      if (this.#closing.signal.aborted || this.#stopped !== undefined) return;
      if (this.#batch.length === 0) {
        this.#batch = await this.#spool.read(this.#most);
        this.#unread = this.#batch.length === 0 ? 0 : Math.max(0, this.#unread - this.#batch.length);
        if (this.#unread === 0) this.#dueAt = undefined;
      }
      await this.#giveUpOld();
      const last = this.#batch.at(-1);
      if (!last) return;
      let answer: HttpAnswer;
      try {
        answer = await this.#post(requestOf(this.#batch, format, clock.wall()), this.#closing.signal);
      } catch (error) {
        if (!this.#closing.signal.aborted) this.#failed(messageOf(error), undefined);
        return;
      }
      if (answer.status === 410) return this.#stop(answer);
      if (answer.status === 413 && this.#batch.length > 1) {
        this.#halve();
        continue;
      }
      if (answer.status < 200 || answer.status > 299) return this.#failed(answer.text, answer.retryAfter);
      if (this.#failure) this.#trouble.recovered();
      this.#failure = undefined;
      this.#batch = [];
      await this.#spool.take(last.end);
      // The rest is less than a batch: it may wait for more.
      if (this.#unread > 0 && this.#unread < this.#most) return;
    }
  }

  /** Content too large (RFC 9110 section 15.5.14): the same again would be too large for ever. */
  #halve(): void {
    const { log, name } = this.#options;
    this.#most = Math.floor(this.#batch.length / 2);
    this.#unread += this.#batch.length - this.#most;
    this.#batch = this.#batch.slice(0, this.#most);
    log.warn({ webhook: name, batch: this.#most }, 'the webhook finds requests too large: it gets fewer records in each');
  }

  /** Records are given up by their own age, so that a restart does not begin it anew. */
  async #giveUpOld(): Promise<void> {
    const { clock, target } = this.#options;
    while (this.#batch.length > 0) {
      const fresh = this.#batch.findIndex(line => clock.wall() - writtenAt(line.text) <= target.giveUpAfter);
      const old = fresh < 0 ? this.#batch.length : fresh;
      if (old === 0) return;
      const end = (this.#batch[old - 1] as SpooledLine).end;
      this.#batch = this.#batch.slice(old);
      await this.#spool.take(end);
      this.#trouble.gaveUp(old, `they are older than ${printDuration(target.giveUpAfter)}`);
      if (this.#batch.length === 0) this.#batch = await this.#spool.read(this.#most);
    }
  }

  #failed(text: string, retryAfter: Ms | undefined): void {
    const { clock, random } = this.#options;
    const times = (this.#failure?.times ?? 0) + 1;
    const pause = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** Math.min(times - 1, 20)) * (0.8 + 0.4 * random());
    this.#failure = { text, times, retryAt: clock.now() + Math.max(pause, retryAfter ?? 0) };
    this.#trouble.failed(text, times, this.#spool.bytes);
  }

  #stop({ text }: HttpAnswer): void {
    this.#stopped = `${text}: stopped until rampd is reloaded with other settings or restarted`;
    this.#trouble.stopped(text);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
