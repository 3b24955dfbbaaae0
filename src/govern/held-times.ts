/**
 * How long closed windows were open whose rule holds warm-up: the gate `window-open` asks for it at the tick, and after missed
 * ticks days later. Part of the state, by the key `hold-time:<id of the window>`.
 */
import type { WindowState } from '../kernel/governor.js';
import { DAY, type Instant, type Ms } from '../kernel/units.js';
import type { WindowPlace } from './window.js';

export const HELD_KEY = 'hold-time:';
/** For ticks that were missed. */
const KEPT: Ms = 4 * DAY;

interface HeldTime extends WindowPlace {
  readonly from: Instant;
  readonly until: Instant;
}

export type Span = readonly [Instant, Instant];

export class HeldTimes {
  readonly #held = new Map<string, HeldTime>();

  /** A window that was open until then is gone. Returns the keys of the state this assigns. One on single domains holds no stage. */
  note(window: WindowState, until: Instant): Record<string, unknown> {
    if (window.warmUp !== 'hold' || until <= window.opened || window.subject !== undefined) return {};
    const { scope, address, provider } = window;
    const place = { scope, ...(address ? { address } : {}), ...(provider ? { provider } : {}) };
    const held: HeldTime = { ...place, from: window.opened, until };
    this.#held.set(`${HELD_KEY}${window.id}`, held);
    return { [`${HELD_KEY}${window.id}`]: held };
  }

  /** A window is open again: it speaks for itself. */
  drop(window: WindowState): Record<string, unknown> {
    this.#held.delete(`${HELD_KEY}${window.id}`);
    return { [`${HELD_KEY}${window.id}`]: null };
  }

  *spans(touches: (place: WindowPlace) => boolean): Generator<Span> {
    for (const held of this.#held.values()) if (touches(held)) yield [held.from, held.until];
  }

  forget(now: Instant): void {
    for (const [key, held] of this.#held) if (held.until < now - KEPT) this.#held.delete(key);
  }

  restore(key: string, value: unknown): void {
    if (value === null) this.#held.delete(key);
    else this.#held.set(key, value as HeldTime);
  }

  snapshot(): Iterable<readonly [string, unknown]> {
    return this.#held;
  }
}
