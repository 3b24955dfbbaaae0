/**
 * One window: what a rule's reaction becomes in force, how a new match extends it, and how its limits return to normal.
 *
 * Pure functions on WindowState. A window is never loosened by a match: every value is the minimum of what it was and what
 * the rule says. After `until` a limit returns in four steps over `recover`, by time alone: towards a finite normal by
 * fifths of the difference, towards `unlimited` by doubling from the window's value (from 1 connection or 12/h where the
 * window suspended the lane). Values in time only rise.
 *
 * Slow down at once, speed up slowly: the halving on every new match is the multiplicative decrease of Jacobson,
 * "Congestion Avoidance and Control", 1988.
 */
import { DAY, type Instant } from '../kernel/units.js';
import { printPlace } from '../kernel/fault.js';
import type { WindowState } from '../kernel/governor.js';
import type { Reaction, ReplyMatch, Rule } from '../kernel/reply.js';
import { printable } from '../kernel/text.js';
import type { Quote } from '../kernel/verdict.js';

/** Steps in which a limit returns to normal. */
export const STEPS = 4;
/** No window slows mail below a tenth of its rule's rate, nor below this many an hour. */
const LEAST_PER_HOUR = 12;
/** A hint is remote text: a receiver that asks for more than this gets this. */
export const LONGEST_HINT = DAY;

/** The limits a window can lay down. */
export type WindowLimit = 'maxSmtpOut' | 'maxMsgPerHour' | 'maxConnectRate' | 'maxMsgPerConnection';

/** Where a window binds: its scope and the subject's names, as the scope has them. */
export interface WindowPlace {
  readonly scope: WindowState['scope'];
  readonly address?: string;
  readonly provider?: string;
  readonly subject?: string;
}

/** A reply that matched a rule. */
export interface Hit {
  readonly match: ReplyMatch;
  readonly rule: Rule;
  /** When its attempt left. */
  readonly departed: Instant;
  readonly now: Instant;
  /** As printMessageId prints it, where the attempt was one of a message. */
  readonly message?: string | undefined;
}

export const ruleName = (rule: Rule): string => `${rule.provider}/${rule.id}`;

export function openWindow(id: string, place: WindowPlace, { match, rule, now, message }: Hit, reaction: Reaction): WindowState {
  const until = deadline(match, reaction, now);
  return {
    id,
    rule: ruleName(rule),
    from: printPlace(rule.from),
    ...place,
    opened: now,
    until,
    recoverUntil: until + reaction.recover,
    tightened: now,
    hits: 1,
    suspend: reaction.suspend,
    ...stated(reaction),
    ...(reaction.maxMsgPerHour === undefined ? {} : { ruleMsgPerHour: reaction.maxMsgPerHour }),
    warmUp: rule.warmUp,
    ...quote(match, now, message),
  };
}

/**
 * A new match. While the window is open: the later deadline, half the rate. While its limits return: it starts over, with
 * the values it ended with.
 */
export function extendWindow(before: WindowState, { match, rule, now, message }: Hit, reaction: Reaction): WindowState {
  const { message: _, ...window } = before;
  const open = now < window.until;
  const until = Math.max(window.until, deadline(match, reaction, now));
  return {
    ...window,
    until,
    recoverUntil: Math.max(window.recoverUntil, until + reaction.recover),
    tightened: now,
    hits: window.hits + 1,
    suspend: window.suspend || reaction.suspend,
    ...tighter(window, reaction, open),
    warmUp: rule.warmUp,
    ...quote(match, now, message),
  };
}

export function quote(match: ReplyMatch, now: Instant, message: string | undefined): Quote {
  return { reply: printable(match.reply.line, 400), replied: now, ...(message === undefined ? {} : { message }) };
}

/** What a quote says, of whatever carries one. */
export function quoted({ reply, replied, message }: Quote): Quote {
  return { reply, ...(replied === undefined ? {} : { replied }), ...(message === undefined ? {} : { message }) };
}

/** The value of one limit of a window at `t`; Infinity where it says nothing. `normal` is the limit without windows. */
export function valueAt(window: WindowState, limit: WindowLimit, normal: number, t: Instant): number {
  if (t >= window.recoverUntil) return Infinity;
  const held = heldValue(window, limit);
  if (held === Infinity || t < window.until) return held;
  const step = Math.min(STEPS - 1, Math.floor(((t - window.until) * STEPS) / (window.recoverUntil - window.until)));
  if (normal !== Infinity) return Math.max(1, held, Math.min(normal, Math.floor(held + ((normal - held) * (step + 1)) / (STEPS + 1))));
  return Math.max(held, limit === 'maxMsgPerHour' || limit === 'maxConnectRate' ? LEAST_PER_HOUR : 1) * 2 ** (step + 1);
}

/** The next instant after `t` at which a value of this window changes by itself; Infinity when none will. */
export function changeAfter(window: WindowState, t: Instant): Instant {
  if (t < window.until) return window.until;
  if (t >= window.recoverUntil) return Infinity;
  const step = (window.recoverUntil - window.until) / STEPS;
  for (let i = 1; i < STEPS; i++) if (window.until + i * step > t) return Math.ceil(window.until + i * step);
  return window.recoverUntil;
}

function heldValue(window: WindowState, limit: WindowLimit): number {
  const value = window[limit] ?? Infinity;
  return window.suspend && (limit === 'maxSmtpOut' || limit === 'maxMsgPerHour') ? 0 : value;
}

function deadline(match: ReplyMatch, reaction: Reaction, now: Instant): Instant {
  return now + Math.max(reaction.window, Math.min(match.hint ?? 0, LONGEST_HINT));
}

type Values = { -readonly [K in WindowLimit]?: number };

function stated(reaction: Reaction): Values {
  const values: Values = {};
  if (reaction.maxSmtpOut !== undefined) values.maxSmtpOut = reaction.maxSmtpOut;
  if (reaction.maxMsgPerHour !== undefined) values.maxMsgPerHour = reaction.maxMsgPerHour;
  if (reaction.maxConnectRate !== undefined) values.maxConnectRate = reaction.maxConnectRate;
  if (reaction.maxMsgPerConnection !== undefined) values.maxMsgPerConnection = reaction.maxMsgPerConnection;
  return values;
}

/** What the window held, halved when `halve`, and never above what the rule says now. */
function tighter(window: WindowState, reaction: Reaction, halve: boolean): Values {
  const rule = stated(reaction);
  const values: Values = {};
  const set = (limit: WindowLimit, floor: number): void => {
    const was = window[limit];
    const now = was === undefined ? Infinity : halve ? Math.min(was, Math.max(floor, Math.floor(was / 2))) : was;
    const value = Math.min(now, rule[limit] ?? Infinity);
    if (value !== Infinity) values[limit] = value;
  };
  set('maxSmtpOut', 1);
  set('maxMsgPerHour', Math.max(LEAST_PER_HOUR, Math.ceil((window.ruleMsgPerHour ?? 0) / 10)));
  set('maxConnectRate', LEAST_PER_HOUR);
  const perConnection = Math.min(window.maxMsgPerConnection ?? Infinity, rule.maxMsgPerConnection ?? Infinity);
  if (perConnection !== Infinity) values.maxMsgPerConnection = perConnection;
  return values;
}

/** One clause for people: `1 connection, 60/h` or `nothing leaves`. */
export function printWindowLimits(window: WindowState): string {
  if (window.suspend) return 'nothing leaves';
  const words: string[] = [];
  if (window.maxSmtpOut !== undefined) words.push(`${window.maxSmtpOut} ${window.maxSmtpOut === 1 ? 'connection' : 'connections'}`);
  if (window.maxMsgPerHour !== undefined) words.push(`${window.maxMsgPerHour}/h`);
  if (window.maxConnectRate !== undefined) words.push(`${window.maxConnectRate} new connections/h`);
  if (window.maxMsgPerConnection !== undefined) words.push(`${window.maxMsgPerConnection} messages per connection`);
  return words.length > 0 ? words.join(', ') : 'no limit changed';
}
