/**
 * What is said of a webhook's troubles, to the log and to people: enough to know of each kind, and bounded, however often the
 * receiver fails and recovers, and however fast records are given up. What was said to fail is also said to work again.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import { HOUR, MINUTE, type Instant } from '../kernel/units.js';

export interface HookLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

interface HookTroubleOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: HookLog;
  /** Called when it has failed some times in a row, when something was given up, and each hour while it fails. */
  readonly onTrouble: (text: string) => void;
}

/** One failure is nothing; so many in a row are told, about a quarter of a minute after the first. */
const TOLD_AFTER = 5;
/** A receiver that fails and recovers again and again is said to do so once in this time. */
const QUIET = 15 * MINUTE;
const REMIND = HOUR;
const SUM_UP = MINUTE;

export class HookTrouble {
  /** Records given up since the start. */
  lost = 0;
  readonly #options: HookTroubleOptions;
  /** The log says that it fails. */
  #said = false;
  #quietUntil: Instant = -Infinity;
  /** Times it began to fail without a word. */
  #unsaid = 0;
  #toldAt: Instant = -Infinity;
  /** Given up and not said. */
  #given = 0;
  #why = '';
  #givenUntil: Instant = -Infinity;
  #timer: Timer | undefined;

  constructor(options: HookTroubleOptions) {
    this.#options = options;
  }

  /** The `times`th failure in a row. */
  failed(text: string, times: number, bytes: number): void {
    const { clock, log, name } = this.#options;
    const now = clock.now();
    if (times === 1 && now < this.#quietUntil) this.#unsaid++;
    else if (times === 1) {
      const more = this.#unsaid > 0 ? `, for the ${this.#unsaid + 1}th time since that was last said,` : '';
      log.warn({ webhook: name }, `the webhook failed${more} and is tried again: ${text}`);
      this.#quietUntil = now + QUIET;
      this.#unsaid = 0;
      this.#said = true;
    }
    if (times < TOLD_AFTER || now - this.#toldAt < (times === TOLD_AFTER ? QUIET : REMIND)) return;
    this.#toldAt = now;
    this.#said = true;
    this.#tell(`webhook ${name} has failed ${times} times: ${text}; ${bytes} bytes of records wait`, {});
  }

  recovered(): void {
    const { log, name } = this.#options;
    if (this.#said) log.info({ webhook: name }, 'the webhook takes records again');
    this.#said = false;
  }

  gaveUp(lines: number, why: string): void {
    const { clock } = this.#options;
    this.lost += lines;
    this.#given += lines;
    this.#why = why;
    if (clock.now() >= this.#givenUntil) this.#sayGiven();
    else this.#timer ??= clock.at(this.#givenUntil, () => this.#sayGiven());
  }

  stopped(answer: string): void {
    this.#tell(`webhook ${this.#options.name} answered ${answer} and is stopped; its records are no longer kept`, {});
  }

  close(): void {
    if (this.#timer) this.#sayGiven();
  }

  #sayGiven(): void {
    const { clock, name } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    const lines = this.#given;
    this.#given = 0;
    this.#givenUntil = clock.now() + SUM_UP;
    this.#tell(`${lines} records for webhook ${name} are given up: ${this.#why}`, { lost: this.lost });
  }

  #tell(text: string, more: object): void {
    const { log, name, onTrouble } = this.#options;
    log.error({ webhook: name, ...more }, text);
    onTrouble(text);
  }
}
