/**
 * All windows: which rule opened which where, when a reply opens, extends or leaves one alone, and when one closes.
 *
 * A rule opens at most one window in each place; several rules' windows stand side by side and the minimum binds, so a weaker
 * rule never loosens a stronger window. A trigger `n/period` counts matches within its period, per rule and place. Matches
 * from attempts that departed before the rule last opened or tightened a window there count for nothing, also when that
 * window is gone: a moment's answers are one event, however long they take. `connection` and `recipient` never open a window:
 * the session and the recipient's own retry time see to those.
 */
import type { ReplyMatch, Rule } from '../kernel/reply.js';
import type { WindowState } from '../kernel/governor.js';
import { DAY, type Instant, type Ms, printDuration } from '../kernel/units.js';
import type { Chronicle } from './chronicle.js';
import type { NewRecord } from './ramp.js';
import { type Counting, Triggers } from './trigger.js';
import { extendWindow, openWindow, printWindowLimits, ruleName, type WindowPlace } from './window.js';

export const WINDOW_KEY = 'window:';
export const HELD_KEY = 'hold-time:';
export const TRIGGER_KEY = 'trigger:';
/** How long the open time of closed windows is remembered, for ticks that were missed. */
const HELD_FOR: Ms = 4 * DAY;
/** No attempt is answered, and no connection lives, longer than this. */
const LONGEST_FLIGHT: Ms = DAY;

/** The open time of a closed window whose rule holds warm-up. */
interface HeldTime extends WindowPlace {
  readonly from: Instant;
  readonly until: Instant;
}

export interface WindowPorts {
  readonly chronicle: Chronicle;
  /** Limits changed in this place. */
  changed(place: WindowPlace): void;
  /** The name of an address's source, for people. */
  nameOf(address: string): string;
}

export function placeKey(place: WindowPlace): string {
  return `${place.scope}:${place.address ?? ''}/${place.provider ?? ''}/${place.subject ?? ''}`;
}

const matchKeyOf = (name: string, place: WindowPlace): string => `${name} ${placeKey(place)}`;
const matchKey = (rule: Rule, place: WindowPlace): string => matchKeyOf(ruleName(rule), place);

export class Windows {
  readonly #ports: WindowPorts;
  readonly #all = new Map<string, WindowState>();
  readonly #byPlace = new Map<string, WindowState[]>();
  readonly #held = new Map<string, HeldTime>();
  readonly #triggers = new Triggers();
  /** When a rule last opened or tightened a window in a place. What was under way at a restart is not: kept in memory only. */
  readonly #tightened = new Map<string, Instant>();
  /** Windows on the mail of one sender or recipient domain. */
  subjects = 0;
  next = 1;

  constructor(ports: WindowPorts) {
    this.#ports = ports;
  }

  /** Those of one place, closed ones not yet expired included. */
  at(place: WindowPlace): readonly WindowState[] {
    return this.#byPlace.get(placeKey(place)) ?? [];
  }

  all(): Iterable<WindowState> {
    return this.#all.values();
  }

  get(id: string): WindowState | undefined {
    return this.#all.get(id);
  }

  /**
   * A reply matched `rule` in `place`; the attempt departed at `departed`. `fired` when a window opened, or a rule that only
   * steps warm-up back reached its trigger (at most once a day); `cause` is the journal record.
   */
  react(
    place: WindowPlace,
    match: ReplyMatch,
    rule: Rule,
    departed: Instant,
    now: Instant,
    message?: string,
  ): { fired: boolean; cause: number | undefined } {
    const idle = { fired: false, cause: undefined };
    const key = matchKey(rule, place);
    const last = this.#tightened.get(key);
    if (last !== undefined && departed <= last) return idle;
    const open = this.at(place).find(w => w.rule === ruleName(rule) && now < w.recoverUntil);
    const reaction = rule.reaction;
    if (open && reaction) {
      if (departed <= open.tightened) return idle;
      const next = extendWindow(open, match, rule, reaction, now, message);
      this.#tightened.set(key, now);
      this.#put(next);
      this.#tell('window-extended', next, rule, `extended to ${printDuration(next.until - now)} from now, ${printWindowLimits(next)}`, now);
      this.#ports.changed(place);
      return idle;
    }
    if (!reaction && rule.warmUp !== 'step-back') return idle;
    if (!this.#triggers.reached(key, rule.trigger, now)) return idle;
    if (!reaction) return { fired: this.#triggers.daily(key, now), cause: undefined };
    for (const old of this.at(place)) if (old.rule === ruleName(rule)) this.#close(old, now);
    const window = openWindow(`w${this.next++}`, place, match, rule, reaction, now, message);
    this.#tightened.set(key, now);
    this.#put(window);
    const cause = this.#tell('window-opened', window, rule, `for ${printDuration(window.until - now)}: ${printWindowLimits(window)}`, now);
    this.#ports.changed(place);
    return { fired: true, cause };
  }

  nextExpiry(): Instant | null {
    let next = Infinity;
    for (const window of this.#all.values()) next = Math.min(next, window.recoverUntil);
    return next === Infinity ? null : next;
  }

  /** Journals windows whose limits are back to normal. */
  expire(now: Instant): void {
    for (const window of [...this.#all.values()]) if (window.recoverUntil <= now) this.#close(window, now);
    for (const [key, held] of this.#held) if (held.until < now - HELD_FOR) this.#held.delete(key);
    for (const [key, at] of this.#tightened) if (at < now - LONGEST_FLIGHT) this.#tightened.delete(key);
    this.#triggers.forget(now);
  }

  lift(id: string, author: string, why: string | undefined, now: Instant): void {
    const window = this.#all.get(id);
    if (!window || window.recoverUntil <= now) throw new Error(`there is no window ${id} in force`);
    this.#remove(window, Math.min(now, window.until), state => {
      this.#ports.chronicle.record({
        at: now,
        type: 'window-lifted',
        author,
        text: `window ${id} lifted${why ? `: ${why}` : ''}`,
        ...this.#named(window),
        state,
        before: { [`${WINDOW_KEY}${id}`]: window },
      });
    });
    this.#ports.changed(window);
  }

  /** A lifted window is in force again, with what is left of its time. Only attempts that depart from now on may extend it. */
  putBack(lifted: WindowState, record: Pick<NewRecord, 'at' | 'type' | 'author' | 'text' | 'cause'>): void {
    const now = record.at;
    if (lifted.recoverUntil <= now) throw new Error(`window ${lifted.id} would be over by now: there is nothing to bring back`);
    const since = this.at(lifted).find(w => w.rule === lifted.rule && now < w.recoverUntil);
    if (since) throw new Error(`${lifted.rule} has opened window ${since.id} there since: that one stands`);
    const window = { ...lifted, tightened: now };
    this.#put(window);
    this.#held.delete(`${HELD_KEY}${window.id}`);
    const state = { [`${WINDOW_KEY}${window.id}`]: window, [`${HELD_KEY}${window.id}`]: null };
    this.#ports.chronicle.record({ ...record, ...this.#named(window), ...answered(window), state });
    this.#ports.changed(window);
  }

  /** How long a window that holds warm-up was open between two instants, in the places that `touches` accepts. */
  holdTime(touches: (place: WindowPlace) => boolean, from: Instant, to: Instant): Ms {
    const spans: [Instant, Instant][] = [];
    for (const w of this.#all.values()) if (w.warmUp === 'hold' && touches(w)) spans.push([w.opened, w.until]);
    for (const h of this.#held.values()) if (touches(h)) spans.push([h.from, h.until]);
    spans.sort((a, b) => a[0] - b[0]);
    let total = 0;
    let reached = from;
    for (const [start, end] of spans) {
      const a = Math.max(start, reached);
      const b = Math.min(end, to);
      if (b > a) [total, reached] = [total + b - a, b];
    }
    return total;
  }

  restore(key: string, value: unknown): void {
    if (key.startsWith(TRIGGER_KEY)) return this.#triggers.restore(key.slice(TRIGGER_KEY.length), value as Counting | null);
    if (key.startsWith(HELD_KEY)) {
      if (value === null) this.#held.delete(key);
      else this.#held.set(key, value as HeldTime);
      return;
    }
    const id = key.slice(WINDOW_KEY.length);
    this.next = Math.max(this.next, Number(id.slice(1)) + 1);
    const old = this.#all.get(id);
    if (value !== null) {
      const window = value as WindowState;
      this.#put(window);
      // What a snapshot had counted when the window was not yet open has had its effect.
      this.#triggers.restore(matchKeyOf(window.rule, window), null);
    } else if (old) this.#drop(old);
  }

  snapshot(): Record<string, unknown> {
    const windows = [...this.#all.values()].map(w => [`${WINDOW_KEY}${w.id}`, w]);
    const counts = [...this.#triggers.all()].map(([key, counting]) => [`${TRIGGER_KEY}${key}`, counting]);
    return Object.fromEntries([...windows, ...this.#held, ...counts]) as Record<string, unknown>;
  }

  #close(window: WindowState, now: Instant): void {
    this.#remove(window, window.until, state => {
      this.#ports.chronicle.record({
        at: now,
        type: 'window-closed',
        author: `rule:${window.rule}`,
        text: `window ${window.id} closed after ${window.hits} ${window.hits === 1 ? 'match' : 'matches'}: limits are normal again`,
        ...this.#named(window),
        state,
      });
    });
    this.#ports.changed(window);
  }

  /** Takes a window away; its open time stays known to warm-up. */
  #remove(window: WindowState, until: Instant, record: (state: Record<string, unknown>) => void): void {
    this.#drop(window);
    const state: Record<string, unknown> = { [`${WINDOW_KEY}${window.id}`]: null };
    if (window.warmUp === 'hold' && until > window.opened) {
      const { scope, address, provider, subject } = window;
      const place = { scope, ...(address ? { address } : {}), ...(provider ? { provider } : {}), ...(subject ? { subject } : {}) };
      const held: HeldTime = { ...place, from: window.opened, until };
      this.#held.set(`${HELD_KEY}${window.id}`, held);
      state[`${HELD_KEY}${window.id}`] = held;
    }
    record(state);
  }

  #put(window: WindowState): void {
    const old = this.#all.get(window.id);
    if (old) this.#drop(old);
    this.#all.set(window.id, window);
    const key = placeKey(window);
    this.#byPlace.set(key, [...(this.#byPlace.get(key) ?? []), window]);
    if (window.subject !== undefined) this.subjects++;
  }

  #drop(window: WindowState): void {
    this.#all.delete(window.id);
    const key = placeKey(window);
    const left = (this.#byPlace.get(key) ?? []).filter(w => w.id !== window.id);
    if (left.length > 0) this.#byPlace.set(key, left);
    else this.#byPlace.delete(key);
    if (window.subject !== undefined) this.subjects--;
  }

  #tell(type: 'window-opened' | 'window-extended', window: WindowState, rule: Rule, text: string, now: Instant): number {
    return this.#ports.chronicle.record({
      at: now,
      type,
      author: `rule:${ruleName(rule)}`,
      text: `window ${window.id} ${text}`,
      ...this.#named(window),
      ...answered(window),
      state: { [`${WINDOW_KEY}${window.id}`]: window },
    });
  }

  #named(window: WindowState): { window: string; source?: string; provider?: string } {
    return {
      window: window.id,
      ...(window.address === undefined ? {} : { source: this.#ports.nameOf(window.address) }),
      ...(window.provider === undefined ? {} : { provider: window.provider }),
    };
  }
}

/** The reply a record quotes. */
function answered({ reply, message }: WindowState): { reply: string; message?: string } {
  return { reply, ...(message === undefined ? {} : { message }) };
}
