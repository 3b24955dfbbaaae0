/**
 * How old the mail of a queue is, guessed from its first rows: mail is taken to have come as fast as they did. Pure.
 */
import type { WaitingMail } from '../kernel/forecast.js';
import type { Instant } from '../kernel/units.js';

export type Ages = WaitingMail['ages'];

/** Steps in which guessed ages are told. */
const STEPS = 8;

/** `heads`: when the first rows were accepted. Exact when they are all; else the others follow at the same pace, until now. */
export function agesOf(heads: readonly Instant[], waiting: number, now: Instant): Ages {
  const known = heads.slice(0, waiting).map(accepted => ({ accepted, count: 1 }));
  const rest = waiting - known.length;
  if (rest <= 0) return known;
  // Rows in flight are in nobody's hand: nothing is known of their age.
  if (known.length === 0) return [{ accepted: now, count: rest }];
  const oldest = Math.min(...heads);
  const newest = Math.max(...heads);
  const pace = (newest - oldest) / Math.max(1, known.length - 1);
  return [...known, ...spread(rest, part => Math.min(now, newest + pace * rest * part))];
}

/** So many more with ages like these. */
export function like(ages: Ages, count: number): Ages {
  if (count === 0 || ages.length === 0) return [];
  const sorted = [...ages].sort((a, b) => a.accepted - b.accepted);
  const total = sorted.reduce((sum, a) => sum + a.count, 0);
  return spread(count, part => {
    let passed = 0;
    return (sorted.find(a => (passed += a.count) >= part * total) ?? (sorted.at(-1) as Ages[number])).accepted;
  });
}

/** Shares a count over the middles of equal steps. */
function spread(count: number, at: (part: number) => Instant): Ages {
  const steps = Math.min(STEPS, count);
  return Array.from({ length: steps }, (_, i) => ({
    accepted: at((i + 0.5) / steps),
    count: Math.floor(((i + 1) * count) / steps) - Math.floor((i * count) / steps),
  }));
}
