/**
 * What one mailbox provider thinks of one source address: how much it may send an hour, and why.
 *
 * The model: an unknown address has a small allowance; what it sent well in its best hour of each of the last 14 days lets it
 * grow; sending more than allowed costs reputation, at most once an hour; a day without that heals it; too little reputation
 * is a block for a day. No provider publishes its rules: the shape follows what their postmaster pages say (volume has to
 * grow from history, bursts are deferred, persistence is punished), the numbers are invented. Pure: `now` is an argument.
 */
import { DAY, HOUR, MINUTE, type Instant } from '../kernel/units.js';

export interface AllowanceModel {
  /** Recipients an hour from an address nobody knows. */
  readonly first: number;
  readonly most: number;
  /** An hour may be this many times the best hour of the last days. */
  readonly growth: number;
}

export type Judgement = 'welcome' | 'over' | 'well-above' | 'blocked';

/** Days of history that count. */
const DAYS = 14;
const WELL_ABOVE = 2;
/** Refusals an hour that are forgiven, as a share of the allowance, and at least. */
const FORGIVEN_SHARE = 0.25;
const FORGIVEN = 10;
const COST = { over: 0.92, 'well-above': 0.75 } as const;
const HEAL = { factor: 1.1, step: 0.03 } as const;
const BLOCK_BELOW = 0.15;
const AFTER_BLOCK = 0.3;

export class Standing {
  /** 0 to 1. */
  reputation = 1;
  blockedUntil: Instant = -Infinity;
  readonly #model: AllowanceModel;
  readonly #accepted = new MinuteRing();
  readonly #refused = new MinuteRing();
  /** Best hour of each day of history, newest last; the last one is today. */
  readonly #best: number[];
  #day: number;
  #penalised = -1;
  #cleanToday = true;

  /** `past`: recipients in its best hour yesterday, for an address that has sent before. */
  constructor(model: AllowanceModel, now: Instant, past?: number) {
    this.#best = past === undefined ? [0] : [past, 0];
    this.#model = model;
    this.#day = Math.floor(now / DAY);
  }

  /** Recipients accepted in the last hour. */
  acceptedLastHour(now: Instant): number {
    return this.#accepted.sum(now);
  }

  /** Recipients an hour; `mood` below 1 is a provider having a bad hour. */
  allowance(now: Instant, mood = 1): number {
    this.#turn(now);
    const history = Math.max(0, ...this.#best.slice(0, -1));
    const earned = Math.min(this.#model.most, Math.max(this.#model.first, history * this.#model.growth));
    return Math.max(1, Math.floor(earned * this.reputation * mood));
  }

  /** What becomes of one recipient more. Refusals are counted here, acceptances by `accept`. */
  judge(now: Instant, mood = 1): Judgement {
    const allowance = this.allowance(now, mood);
    if (now < this.blockedUntil) return 'blocked';
    const accepted = this.#accepted.sum(now);
    if (accepted < allowance) return 'welcome';
    this.#refused.add(now, 1);
    const refused = this.#refused.sum(now);
    const judgement = accepted + refused > allowance * WELL_ABOVE ? 'well-above' : 'over';
    if (refused > Math.max(FORGIVEN, allowance * FORGIVEN_SHARE)) this.#penalise(now, judgement, mood);
    return now < this.blockedUntil ? 'blocked' : judgement;
  }

  accept(now: Instant, recipients: number): void {
    this.#turn(now);
    this.#accepted.add(now, recipients);
    const today = this.#best.length - 1;
    this.#best[today] = Math.max(this.#best[today] ?? 0, this.#accepted.sum(now));
  }

  #penalise(now: Instant, judgement: 'over' | 'well-above', mood: number): void {
    const hour = Math.floor(now / HOUR);
    // A provider's own bad hour is nobody's fault unless the sender pushes on.
    if (hour === this.#penalised || (mood < 1 && judgement === 'over')) return;
    this.#penalised = hour;
    this.#cleanToday = false;
    this.reputation *= COST[judgement];
    if (this.reputation >= BLOCK_BELOW) return;
    this.blockedUntil = now + DAY;
    this.reputation = AFTER_BLOCK;
  }

  /** Days that have passed since the last look. */
  #turn(now: Instant): void {
    const day = Math.floor(now / DAY);
    for (; this.#day < day; this.#day++) {
      if (day - this.#day > DAYS) {
        this.#best.fill(0);
        this.#day = day - DAYS;
      }
      if (this.#cleanToday && (this.#best.at(-1) ?? 0) > 0) this.reputation = Math.min(1, this.reputation * HEAL.factor + HEAL.step);
      this.#cleanToday = true;
      this.#best.push(0);
      if (this.#best.length > DAYS + 1) this.#best.shift();
    }
  }
}

/** A count over the last hour in buckets of one minute; the oldest bucket goes as a whole. */
class MinuteRing {
  readonly #buckets = new Uint32Array(60);
  #minute = -Infinity;
  #sum = 0;

  add(now: Instant, n: number): void {
    this.#turn(now);
    const i = this.#minute % 60;
    this.#buckets[i] = (this.#buckets[i] ?? 0) + n;
    this.#sum += n;
  }

  sum(now: Instant): number {
    this.#turn(now);
    return this.#sum;
  }

  #turn(now: Instant): void {
    const minute = Math.floor(now / MINUTE);
    if (minute - this.#minute >= 60) {
      this.#buckets.fill(0);
      this.#sum = 0;
    } else {
      for (let m = this.#minute + 1; m <= minute; m++) {
        this.#sum -= this.#buckets[m % 60] ?? 0;
        this.#buckets[m % 60] = 0;
      }
    }
    this.#minute = Math.max(minute, this.#minute);
  }
}
