/**
 * `why` of one lane: its verdict, what would be without the binding reason, and the windows in force on it.
 */
import type { LaneView, SourceView, WhyView, WindowView } from '../control/view.js';
import { type Iso, whyLane } from '../control/views.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import type { LaneName } from '../kernel/verdict.js';
import type { Forecasts } from './forecasts.js';
import type { Mailroom } from './mailroom.js';

export interface WhyParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly governor: Governor;
  readonly dispatcher: Dispatcher;
  readonly mailroom: Mailroom;
  readonly iso: Iso;
  readonly lanes: readonly LaneView[];
  readonly sources: readonly SourceView[];
  readonly windows: readonly WindowView[];
  readonly forecasts: Pick<Forecasts, 'sentence'>;
}

/** What is told of pools without a warm source, each once. */
export function expiring(pools: Iterable<string>, { forecasts }: Pick<WhyParts, 'forecasts'>): { forecast?: string[] } {
  const told = [...new Set(pools)].flatMap(pool => forecasts.sentence(pool) ?? []);
  return told.length > 0 ? { forecast: told } : {};
}

export function laneWhy(
  lane: LaneName,
  ask: { senderDomain?: string; recipientDomain?: string },
  parts: WhyParts,
): WhyView['lanes'][number] {
  const now = parts.clock.now();
  const onLane = new Set(parts.governor.laneStatus(lane, now).windows);
  const concerns = (w: WindowView): boolean =>
    onLane.has(w.id) ||
    (w.provider === lane.provider &&
      w.subject !== undefined &&
      w.subject === (w.scope === 'sender-domain' ? ask.senderDomain : ask.recipientDomain));
  const windows = parts.windows.filter(concerns);
  return { ...whyLane(lane, parts.governor.explain(lane, ask, now), parts.iso), ...(windows.length > 0 ? { windows } : {}) };
}
