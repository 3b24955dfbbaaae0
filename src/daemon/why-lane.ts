/**
 * `why` of one lane: its verdict, what would be without the binding reason, and the windows in force on it.
 */
import type { HostTroubleView, WhyView } from '../control/why-view.js';
import type { SourceView, WindowView } from '../control/view.js';
import { type Iso, whyLane } from '../control/views.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { HostMemory } from '../deliver/host-memory.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import type { LaneName } from '../kernel/verdict.js';
import type { Forecasts } from './forecasts.js';
import type { Mailroom } from './mailroom.js';

/** Hosts of one lane that are told of. */
const TOLD = 5;

export interface WhyParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly governor: Governor;
  readonly dispatcher: Dispatcher;
  readonly mailroom: Mailroom;
  readonly memory: Pick<HostMemory, 'troubles'>;
  readonly iso: Iso;
  /** So many lanes of a source, the busiest first. */
  laneNames(most: number, source: string): readonly LaneName[];
  /** Recipients that wait for a lane. */
  waiting(lane: LaneName): number;
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
  const hosts = troublesOf(lane, parts);
  const explained = parts.governor.explain(lane, ask, now);
  const waiting = explained.verdict.go && ask.recipientDomain === undefined ? parts.waiting(lane) : 0;
  return {
    ...whyLane(lane, explained, parts.iso),
    ...(waiting > 0 ? { waiting } : {}),
    ...(windows.length > 0 ? { windows } : {}),
    ...(hosts.length > 0 ? { hosts } : {}),
  };
}

/** What connecting has taught about the MX hosts of a lane. */
function troublesOf({ source, provider }: LaneName, { memory, iso }: WhyParts): HostTroubleView[] {
  const known = memory.troubles(source, provider).slice(0, TOLD);
  return known.map(t => ({ ...t, host: printable(t.host), until: iso(t.until), why: printable(t.why, 300) }));
}
