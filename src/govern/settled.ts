/**
 * What the recipients of an attempt come to in the counters: each one's new list, and the rows of days that changed.
 *
 * Of a source that a reload has taken away nothing is counted any more.
 */
import type { DayRow } from '../kernel/day.js';
import type { Governor, Settled } from '../kernel/governor.js';
import type { Counted } from '../kernel/message.js';
import type { Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import type { Lane } from './floor.js';
import { copyOf } from './warm-up-days.js';

export function settled({ ramp }: Core, lane: Lane, recipients: readonly Settled[], now: Instant): ReturnType<Governor['settle']> {
  if (!lane.source.config) return { counted: recipients.map(r => r.counted), days: [] };
  const counted: (readonly Counted[])[] = [];
  const days = new Set<DayRow>();
  for (const recipient of recipients) {
    const result = ramp.count(lane.source.name, lane.provider, recipient.counted, recipient.match.class, now);
    counted.push(result.counted);
    days.add(result.row);
    for (const row of result.also) days.add(row);
  }
  return { counted, days: Array.from(days, copyOf) };
}
