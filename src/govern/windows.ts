/**
 * All windows: which rule opened which where, when a reply opens, extends or leaves one alone, and when one closes.
 *
 * A rule opens at most one window in each place; several rules' windows stand side by side and the minimum binds, so a weaker
 * rule never loosens a stronger window. A trigger `n/period` counts matches within its period, per rule and place. Matches
 * from attempts that departed before the rule last opened or tightened a window there count for nothing, also when that
 * window is gone: a moment's answers are one event, however long they take. `connection` and `recipient` never open a window:
 * the session and the recipient's own retry time see to those.
 */
import type { WindowState } from '../kernel/governor.js';
import { DAY, type Instant, type Ms, printDuration } from '../kernel/units.js';
import type { Chronicle } from './chronicle.js';
import { HELD_KEY, HeldTimes, type Span } from './held-times.js';
import type { NewRecord } from './ramp.js';
import { type Counting, Triggers } from './trigger.js';
import { extendWindow, type Hit, openWindow, printWindowLimits, ruleName, type WindowPlace } from './window.js';
import { placeKey, WindowPlaces } from './window-places.js';

export const WINDOW_KEY = 'window:';
export const TRIGGER_KEY = 'trigger:';
/** No attempt is answered, and no connection lives, longer than this. */
const LONGEST_FLIGHT: Ms = DAY;

export interface WindowPorts {
  readonly chronicle: Chronicle;
  /** Limits changed in this place. */
  changed(place: WindowPlace): void;
  /** The name of an address's source, for people. */
  nameOf(address: string): string;
}

const matchKey = (rule: string, place: WindowPlace): string => `${rule} ${placeKey(place)}`;

export class Windows {
  readonly #ports: WindowPorts;
  readonly #places = new WindowPlaces();
  readonly #held = new HeldTimes();
  readonly #triggers = new Triggers();
  /** When a rule last opened or tightened a window in a place. What was under way at a restart is not: kept in memory only. */
  readonly #tightened = new Map<string, Instant>();
  next = 1;

  constructor(ports: WindowPorts) {
    this.#ports = ports;
  }

  /** Those of one place, closed ones not yet expired included. */
  at(place: WindowPlace): readonly WindowState[] {
    return this.#places.at(place);
  }

  all(): Iterable<WindowState> {
    return this.#places.all();
  }

  get(id: string): WindowState | undefined {
    return this.#places.get(id);
  }

  /** Windows on the mail of one sender or recipient domain. */
  get subjects(): number {
    return this.#places.subjects;
  }

  /**
   * A reply matched a rule that reacts in `place`. `fired` when a window opened, or a rule that only steps warm-up back reached
   * its trigger (at most once a day); `cause` is the journal record.
   */
  react(place: WindowPlace, hit: Hit): { fired: boolean; cause: number | undefined } {
    const idle = { fired: false, cause: undefined };
    const { rule, departed, now } = hit;
    const name = ruleName(rule);
    const key = matchKey(name, place);
    const last = this.#tightened.get(key);
    if (last !== undefined && departed <= last) return idle;
    const open = this.at(place).find(w => w.rule === name && now < w.recoverUntil);
    const reaction = rule.reaction;
    if (open && reaction) {
      if (departed <= open.tightened) return idle;
      const next = extendWindow(open, hit, reaction);
      this.#tightened.set(key, now);
      this.#places.put(next);
      this.#tell('window-extended', next, `extended to ${printDuration(next.until - now)} from now, ${printWindowLimits(next)}`, now);
      this.#ports.changed(place);
      return idle;
    }
    if (!reaction && rule.warmUp !== 'step-back') return idle;
    if (!this.#triggers.reached(key, rule.trigger, now)) return idle;
    if (!reaction) return { fired: this.#triggers.daily(key, now), cause: undefined };
    for (const old of this.at(place)) if (old.rule === name) this.#close(old, now);
    const window = openWindow(`w${this.next++}`, place, hit, reaction);
    this.#tightened.set(key, now);
    this.#places.put(window);
    const cause = this.#tell('window-opened', window, `for ${printDuration(window.until - now)}: ${printWindowLimits(window)}`, now);
    this.#ports.changed(place);
    return { fired: true, cause };
  }

  nextExpiry(): Instant | null {
    let next = Infinity;
    for (const window of this.#places.all()) next = Math.min(next, window.recoverUntil);
    return next === Infinity ? null : next;
  }

  /** Journals windows whose limits are back to normal. */
  expire(now: Instant): void {
    for (const window of [...this.#places.all()]) if (window.recoverUntil <= now) this.#close(window, now);
    this.#held.forget(now);
    for (const [key, at] of this.#tightened) if (at < now - LONGEST_FLIGHT) this.#tightened.delete(key);
    this.#triggers.forget(now);
  }

  lift(id: string, author: string, why: string | undefined, now: Instant): void {
    const window = this.#places.get(id);
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
    this.#places.put(window);
    const state = { [`${WINDOW_KEY}${window.id}`]: window, ...this.#held.drop(window) };
    this.#ports.chronicle.record({ ...record, ...this.#named(window), ...answered(window), state });
    this.#ports.changed(window);
  }

  /** How long a window that holds warm-up was open between two instants, in the places that `touches` accepts. */
  holdTime(touches: (place: WindowPlace) => boolean, from: Instant, to: Instant): Ms {
    const spans: Span[] = [...this.#held.spans(touches)];
    for (const w of this.#places.all()) if (w.warmUp === 'hold' && touches(w)) spans.push([w.opened, w.until]);
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
    if (key.startsWith(HELD_KEY)) return this.#held.restore(key, value);
    const id = key.slice(WINDOW_KEY.length);
    this.next = Math.max(this.next, Number(id.slice(1)) + 1);
    const old = this.#places.get(id);
    if (value !== null) {
      const window = value as WindowState;
      this.#places.put(window);
      // What a snapshot had counted when the window was not yet open has had its effect.
      this.#triggers.restore(matchKey(window.rule, window), null);
    } else if (old) this.#places.drop(old);
  }

  snapshot(): Record<string, unknown> {
    const windows = [...this.#places.all()].map(w => [`${WINDOW_KEY}${w.id}`, w]);
    const counts = [...this.#triggers.all()].map(([key, counting]) => [`${TRIGGER_KEY}${key}`, counting]);
    return Object.fromEntries([...windows, ...this.#held.snapshot(), ...counts]) as Record<string, unknown>;
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
    this.#places.drop(window);
    const state = { [`${WINDOW_KEY}${window.id}`]: null, ...this.#held.note(window, until) };
    record(state);
  }

  #tell(type: 'window-opened' | 'window-extended', window: WindowState, text: string, now: Instant): number {
    return this.#ports.chronicle.record({
      at: now,
      type,
      author: `rule:${window.rule}`,
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
