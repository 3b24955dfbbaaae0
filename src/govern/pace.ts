/**
 * The even grid: departures under `n/h` stand 3600 s / n apart, so that a cap is not spent at the top of the hour and a wait
 * that ends releases no herd.
 *
 * A generic cell rate algorithm (ITU-T I.371 annex A, in its virtual-scheduling form) whose tolerance is one slot or 250 ms,
 * whichever is more: a departure may be late by that much without moving the grid, and nobody catches up on more. `grid` is
 * the place on the grid of the last slot given away; -Infinity before the first.
 */
import { HOUR, type Instant, type Ms } from '../kernel/units.js';

/** How late a departure may be without losing its place, when a slot is shorter. */
export const CATCH_UP: Ms = 250;

/** Slots the grid gives at `now`; Infinity without a cap. */
export function due(grid: Instant, perHour: number, now: Instant): number {
  if (perHour === Infinity) return Infinity;
  if (perHour <= 0) return 0;
  const slot = HOUR / perHour;
  if (now < grid + slot) return 0;
  const base = Math.max(grid, now - Math.max(slot, CATCH_UP) - slot);
  return Math.max(1, Math.floor((now - base) / slot));
}

/** The instant of the n-th slot after the last one given away. */
export function slotAt(grid: Instant, perHour: number, n: number): Instant {
  return perHour === Infinity ? -Infinity : grid + (n * HOUR) / perHour;
}

/** The grid after `slots` were given away at `now`. */
export function take(grid: Instant, perHour: number, slots: number, now: Instant): Instant {
  if (perHour === Infinity || perHour <= 0) return now;
  const slot = HOUR / perHour;
  return Math.max(grid, now - Math.max(slot, CATCH_UP) - slot) + slots * slot;
}
