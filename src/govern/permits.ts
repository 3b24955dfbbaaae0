/**
 * Permits: slots from the moment they are reserved until the attempt is answered, on every account they bind.
 *
 * Every reservation, answer and refund is told to the ledger log in order. A refund of a part is told as a refund of the
 * whole and a reservation of the rest under the same number, so that replay needs no third kind of record.
 */
import type { Ask } from '../kernel/governor.js';
import type { Permit } from '../kernel/verdict.js';
import { type Instant, MINUTE, type Ms } from '../kernel/units.js';
import type { Account } from './account.js';
import type { Core } from './core.js';
import { type Lane, nameOf } from './floor.js';
import type { Plan } from './plan.js';
import type { Subject } from './subjects.js';

/** A permit not presented for this long is void: the limits it was granted under are history. */
const LIFE: Ms = 5 * MINUTE;

export interface Held {
  readonly permit: Permit;
  readonly lane: Lane;
  readonly ask: Ask;
  readonly reserved: Instant;
  readonly subjects: readonly Subject[];
  slots: number;
  /** When it was presented: the first byte of MAIL FROM. */
  departed: Instant | undefined;
}

export class Permits {
  readonly #core: Core;
  readonly #held = new Map<number, Held>();
  next = 1;

  constructor(core: Core) {
    this.#core = core;
  }

  reserve(lane: Lane, ask: Ask, slots: number, subjects: readonly Subject[], now: Instant): Permit {
    const { floor, ports } = this.#core;
    const permit: Permit = { id: this.next++, lane: nameOf(ask.lane), slots, epoch: floor.epoch(lane), expires: now + LIFE };
    floor.keep(lane);
    const held: Held = { permit, lane, ask, reserved: now, subjects, slots, departed: undefined };
    this.#held.set(permit.id, held);
    this.#each(held, now, (account, plan) => account.reserve(slots, plan.hourNow, now));
    ports.ledger({ kind: 'reserve', permit: permit.id, address: lane.source.address, provider: lane.provider, slots, at: now });
    return permit;
  }

  present(permit: Permit, now: Instant): boolean {
    const held = this.#held.get(permit.id);
    if (!held || held.departed !== undefined) return false;
    if (this.#core.floor.epoch(held.lane) !== permit.epoch || now > permit.expires) {
      this.refund(permit, held.slots, now);
      return false;
    }
    held.departed = now;
    return true;
  }

  refund(permit: Permit, slots: number, now: Instant): void {
    const held = this.#held.get(permit.id);
    if (!held) return;
    const back = Math.min(Math.max(0, slots), held.slots);
    const whole = back === held.slots;
    if (back === 0) return;
    const { ports } = this.#core;
    const { lane, reserved } = held;
    held.slots -= back;
    this.#each(held, now, (account, plan) => account.giveBack(back, whole, plan.hourNow));
    ports.ledger({ kind: 'refund', permit: permit.id, at: now });
    if (whole) this.#held.delete(permit.id);
    else {
      const { address } = lane.source;
      ports.ledger({ kind: 'reserve', permit: permit.id, address, provider: lane.provider, slots: held.slots, at: reserved });
    }
    this.#core.released(lane);
  }

  /** The attempt was answered at `answered`; undefined when the permit is not known (any more). */
  answer(permit: Permit, answered: Instant, now: Instant): Held | undefined {
    const held = this.#held.get(permit.id);
    if (!held) return undefined;
    this.#held.delete(permit.id);
    this.#each(held, now, (account, plan) => account.answer(held.slots, answered, now, plan.hourNow));
    this.#core.ports.ledger({ kind: 'answer', permit: permit.id, at: answered });
    return held;
  }

  #each(held: Held, now: Instant, act: (account: Account, plan: Plan) => void): void {
    const { compiler, floor } = this.#core;
    const { lane, subjects } = held;
    act(lane.account, compiler.lane(lane, now).plan);
    act(lane.source.account, compiler.source(lane.source, now));
    act(floor.total, compiler.total(now));
    for (const subject of subjects) if (!subject.over) act(subject.account, subject.plan);
  }
}
