/**
 * Message numbers: reserved ahead, durably, before the first of them is used, so that none is ever given twice.
 */
import type { MessageNumber } from '../kernel/message.js';
import type { Counters } from './totals.js';

/** Reserved at a time. */
const RESERVE = 65_536;

export class MessageNumbers {
  readonly #counters: Counters;
  #next: MessageNumber;
  /** Numbers below this are reserved on the disk. */
  #reserved: MessageNumber;

  /** The counters must be on the disk before the first number is taken. */
  constructor(counters: Counters) {
    this.#counters = counters;
    this.#next = counters.reserved;
    counters.reserved += RESERVE;
    this.#reserved = counters.reserved;
  }

  /** undefined: a commit must reserve more first. */
  take(): MessageNumber | undefined {
    return this.#next < this.#reserved ? this.#next++ : undefined;
  }

  /** Before a commit of the counters. */
  reserve(): void {
    if (this.#reserved - this.#next < RESERVE / 2) this.#counters.reserved = this.#reserved + RESERVE;
  }

  /** After it. */
  committed(): void {
    this.#reserved = this.#counters.reserved;
  }
}
