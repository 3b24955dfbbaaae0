/**
 * One connection of a lane, from EHLO to QUIT: what it has carried, whether it may carry more.
 *
 * States: busy (a transaction is in flight), idle (ready for MAIL FROM), leaving (QUIT is said: it carries nothing more, and the
 * receiver still counts it), closed. A session belongs to one site (the MX set it was opened to) and carries only mail for
 * domains of that site.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { LaneLimits } from '../kernel/governor.js';
import type { Envelope, MessageNumber, NewRecipient, RecipientState } from '../kernel/message.js';
import type { Reply } from '../kernel/reply.js';
import type { Source } from '../kernel/settings.js';
import type { Instant } from '../kernel/units.js';
import { parseReply } from '../outcome/reply.js';
import { Commands, type Extension, standIn } from './commands.js';
import type { Opened } from './target.js';
import { fit, unnameable } from './fit.js';
import { type SignAnew, signedAnew } from './sign-anew.js';
import { type Answer, type TransactionResult, transact, unasked, unsent } from './transaction.js';

/** How long the answer to QUIT may take, real time: nobody needs it, and until then the connection is in others' way. */
const QUIT_PATIENCE = 5_000;

export interface SessionHooks {
  /** The connection is gone; `reply` is what the server said when it closed a connection with nothing under way, if anything. */
  closed(session: Session, reply: Reply | undefined): void;
}

export interface Sending {
  /** Names it to who listens. */
  readonly message?: MessageNumber;
  readonly signAnew?: SignAnew | undefined;
}

export class Session {
  state: 'busy' | 'idle' | 'leaving' | 'closed' = 'idle';
  /** Transactions carried. */
  messages = 0;
  /** Refusals met. */
  errors = 0;
  /** The receiver closed it before the first message it was claimed for could begin. */
  useless = false;
  readonly host: string;
  readonly address: string;
  readonly tls: boolean;
  readonly #opened: Opened;
  readonly #commands: Commands;
  readonly #hooks: SessionHooks;
  readonly #clock: Clock;
  #idleTimer: Timer | undefined;
  #idleTimerAt: Instant = 0;
  #idleUntil: Instant = 0;
  #quitTimer: NodeJS.Timeout | undefined;
  #retired = false;
  #resetting: ((alive: boolean) => void) | undefined;

  constructor(
    readonly connection: number,
    readonly site: string,
    opened: Opened,
    clock: Clock,
    hooks: SessionHooks,
  ) {
    this.#opened = opened;
    this.#commands = new Commands(opened.connection);
    this.#clock = clock;
    this.#hooks = hooks;
    this.host = opened.host;
    this.address = opened.address;
    this.tls = opened.tls;
    opened.connection.on('error', () => this.#gone());
    opened.connection.on('end', () => this.#gone());
  }

  /** The extensions that the server offers. */
  get esmtp(): string {
    return this.#commands.keywords;
  }

  /** Carries one message to these recipients, from `from` ('' is the null sender). Never rejects. */
  async send(
    envelope: Envelope,
    from: string,
    recipients: readonly RecipientState[] | readonly NewRecipient[],
    content: readonly Buffer[],
    how: Sending = {},
  ): Promise<TransactionResult> {
    if (this.#dead()) return unsent(recipients.length);
    const offers = (extension: Extension): boolean => this.#commands.offers(extension);
    const unnamed = recipients.map(({ address }) => unnameable(address, offers));
    const named = recipients.filter((_, i) => unnamed[i] === undefined);
    let fitted = fit(
      envelope,
      from,
      named.map(r => r.address),
      content,
      offers,
    );
    if (fitted.ok && fitted.unsigned) {
      fitted = await signedAnew(fitted, envelope, how.signAnew);
      if (this.#dead()) return unsent(recipients.length);
    }
    if (!fitted.ok) return withAnswers(unnamed, unasked(named.length, fitted.answer, false));
    if (named.length === 0) return withAnswers(unnamed, { answers: [], seen: false, uncertain: false, needsReset: false });
    this.state = 'busy';
    this.messages++;
    const { eightBit, utf8 } = fitted;
    const { ret, envid } = envelope;
    this.#commands.prepare({ sender: from, eightBit, utf8, ...(ret && { ret }), ...(envid && { envid }) }, named);
    const size = fitted.content.reduce((n, part) => n + part.length, 0);
    this.#opened.dialogue?.transaction(how.message, size);
    const to = named.map((_, i) => standIn(i));
    const result = await transact(this.#opened.connection, { from: from === '' ? false : standIn(0), to, size }, to, fitted.content);
    for (const answer of result.answers) if (answer.reply.code >= 400 || answer.reply.code === 0) this.errors++;
    return withAnswers(unnamed, { ...result, relayed: !offers('DSN') });
  }

  /** RSET after a transaction that did not end with an accepted message; false when the connection is gone. */
  reset(): Promise<boolean> {
    return new Promise(resolve => {
      if (this.#dead()) return resolve(false);
      this.#resetting = resolve;
      this.#opened.connection.reset(error => resolve(!error && !this.#dead()));
    });
  }

  /** It carries no other message. */
  retire(): void {
    this.#retired = true;
  }

  /** True when it may carry another message within these limits, which may be others than those it was opened under. */
  mayCarry(limits: LaneLimits): boolean {
    if (this.#retired || this.#dead() || this.messages >= limits.maxMsgPerConnection) return false;
    if ((limits.requireStarttls || limits.verifyStarttls) && !this.tls) return false;
    if (limits.verifyStarttls && this.#opened.verified !== true) return false;
    return this.errors < limits.maxErrorsPerConnection;
  }

  /** Does it come from this source, as that is now? */
  isFrom(source: Source | undefined): boolean {
    const { source: before } = this.#opened;
    return before === undefined || (before.address === source?.address && before.hostName === source.hostName);
  }

  /** Taken for a transaction: from here on its idle time does not end it. */
  claim(): void {
    if (this.state === 'idle') this.state = 'busy';
  }

  /** Waits for work; closes itself after the idle time. One timer serves many rests: it looks again when it was early. */
  rest(idleTimeout: number): void {
    if (this.state === 'closed' || this.state === 'leaving') return;
    this.state = 'idle';
    this.#idleUntil = this.#clock.now() + idleTimeout;
    if (this.#idleTimer && this.#idleTimerAt <= this.#idleUntil) return;
    this.#idleTimer?.cancel();
    this.#armIdle();
  }

  /** QUIT. It is closed with the answer to that, or without one after a while. */
  quit(): void {
    if (this.state === 'closed' || this.state === 'leaving') return;
    if (this.#dead()) return this.#gone();
    this.state = 'leaving';
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    this.#quitTimer = setTimeout(() => this.#opened.connection.close(), QUIT_PATIENCE).unref();
    this.#opened.connection.quit();
  }

  /** Ends the connection now; a transaction in flight fails. */
  cut(): void {
    const socket = this.#opened.connection._socket;
    if (socket) socket.destroy(new Error('cut off: the sending system is stopping'));
  }

  #dead(): boolean {
    return this.state === 'closed' || this.state === 'leaving' || this.#opened.connection.destroyed;
  }

  #armIdle(): void {
    this.#idleTimerAt = this.#idleUntil;
    this.#idleTimer = this.#clock.at(this.#idleUntil, () => {
      this.#idleTimer = undefined;
      if (this.state !== 'idle') return;
      if (this.#clock.now() < this.#idleUntil) this.#armIdle();
      else this.quit();
    });
  }

  #gone(): void {
    if (this.state === 'closed') return;
    this.useless = this.state === 'busy' && this.messages === 0;
    const unasked = this.state === 'idle' || this.useless;
    this.state = 'closed';
    clearTimeout(this.#quitTimer);
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    this.#resetting?.(false);
    const last = this.#opened.connection.lastServerResponse;
    const reply = unasked && typeof last === 'string' && /^4\d\d/.test(last) ? parseReply(last) : undefined;
    this.#hooks.closed(this, reply);
  }
}

/** The result of those who were named, and beside it what became of those who were not. */
function withAnswers(unnamed: readonly (Answer | undefined)[], result: TransactionResult): TransactionResult {
  if (unnamed.length === result.answers.length) return result;
  let next = 0;
  return { ...result, answers: unnamed.map(own => own ?? (result.answers[next++] as Answer)) };
}
