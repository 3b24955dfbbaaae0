/**
 * What the running daemon shows of itself: sources, lanes, queues and windows, and all of it at a glance. Changes nothing.
 *
 * A glance stays a glance: of lanes and queues the busiest are in it, however many there are. `lanes()` gives all.
 */
import type { DoctorView } from '../control/doctor-view.js';
import type { LaneView, QueueView, RecordsView, SourceView, StatusView, WindowView } from '../control/view.js';
import { type Iso, isoWith, laneView, sourceView, windowView } from '../control/views.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { printLane, type LaneName } from '../kernel/verdict.js';
import type { ReportCounts } from '../spool/report-rows.js';
import type { Store } from '../spool/store.js';
import { Forecasts } from './forecasts.js';
import { jobViews } from './jobs.js';
import type { Mailroom } from './mailroom.js';
import type { BookState } from './shelf.js';
import type { Snds } from './snds.js';

export interface ShownParts {
  readonly clock: Clock;
  readonly startedAt: number;
  readonly version: string;
  readonly settings: () => Settings;
  readonly governor: Governor;
  readonly dispatcher: Dispatcher;
  readonly store: Store;
  readonly mailroom: Mailroom;
  readonly snds: Snds;
  readonly doctor: () => DoctorView | null;
  /** Reports about delivered mail so far. */
  readonly feedback: () => Readonly<ReportCounts>;
  readonly nextTick: (source: string) => number | null;
  readonly books: { state(): BookState[] };
  readonly alerts: { state(): BookState[] };
}

export interface Shown {
  iso(): Iso;
  readonly forecasts: Forecasts;
  sources(): SourceView[];
  /** Without `most` all of them; else so many: those with connections first, then those mail waits for or a window is open on. */
  lanes(most?: number): LaneView[];
  /** The same choice, of the lanes of one source if it is named. */
  laneNames(most: number, source?: string): LaneName[];
  /** Says of a lane how many recipients wait in the pools of its source for its provider, as it is now. */
  waitingOf(): (lane: LaneName) => number;
  queues(): QueueView[];
  windows(): WindowView[];
  status(): StatusView;
}

/** A verdict with its reasons takes 5 to 10 us: a thousand are what a loop that carries mail has time for. */
const MOST_LANES = 1_000;

export function createShown(parts: ShownParts): Shown {
  const { clock, governor, dispatcher, store, settings, mailroom } = parts;
  const iso = (): Iso => isoWith(clock.wall() - clock.now());
  const forecasts = new Forecasts(parts);

  const sourceOf = (): ((address: string | undefined) => string | null) => {
    const names = new Map([...settings().sources.values()].map(s => [s.address, s.name]));
    return address => (address === undefined ? null : (names.get(address) ?? null));
  };

  const waitingByProvider = (): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const waiting of dispatcher.backlog.waiting.values()) {
      const provider = waiting.provider;
      if (provider === undefined) continue;
      const key = `${waiting.queue.pool}\n${provider}`;
      counts.set(key, (counts.get(key) ?? 0) + waiting.queue.waiting);
    }
    return counts;
  };

  const waitingOfLane = ({ source, provider }: LaneName, counts: ReadonlyMap<string, number>): number => {
    let n = 0;
    for (const pool of settings().pools.values()) {
      if (pool.sources.some(s => s.source === source)) n += counts.get(`${pool.name}\n${provider}`) ?? 0;
    }
    return n;
  };

  const sources = (): SourceView[] => {
    const now = clock.now();
    const byPool = new Map<string, number>();
    for (const queue of store.queues()) byPool.set(queue.pool, (byPool.get(queue.pool) ?? 0) + queue.waiting);
    return [...settings().sources.values()].map(source => {
      let waiting = 0;
      for (const pool of settings().pools.values())
        if (pool.sources.some(s => s.source === source.name)) waiting += byPool.get(pool.name) ?? 0;
      return sourceView(
        governor.sourceStatus(source.name, now),
        source,
        { waiting, nextTick: parts.nextTick(source.name), snds: parts.snds.of(source.address) },
        iso(),
      );
    });
  };

  /** The first `most` by what happens on them; nothing is asked of a lane for that. */
  const chosen = (most: number, source?: string): LaneName[] => {
    const names = new Map<string, LaneName>();
    for (const lane of governor.lanes()) if (source === undefined || lane.source === source) names.set(printLane(lane), lane);
    for (const lane of dispatcher.lanes.matching(source)) names.set(lane.key, lane.name);
    if (names.size <= most) return [...names.values()];
    const bySource = sourceOf();
    const slowed = new Set(governor.windows(clock.now()).map(w => `${bySource(w.address) ?? ''}/${w.provider ?? ''}`));
    const kinds: LaneName[][] = [[], [], []];
    for (const [key, name] of names) {
      const lane = dispatcher.lanes.all.get(key);
      const kind = lane && lane.sessions.size > 0 ? 0 : lane?.groups.size || slowed.has(key) ? 1 : 2;
      kinds[kind]?.push(name);
    }
    return kinds.flat().slice(0, most);
  };

  const lanes = (most = Infinity): LaneView[] => {
    const now = clock.now();
    const counts = waitingByProvider();
    const at = iso();
    return chosen(most).map(lane =>
      laneView(governor.laneStatus(lane, now), governor.explain(lane, {}, now).verdict, waitingOfLane(lane, counts), at),
    );
  };

  const queues = (): QueueView[] =>
    mailroom.queues(iso()).map(queue => {
      const note = queue.note ?? forecasts.sentence(queue.pool);
      return note === undefined ? queue : { ...queue, note };
    });

  const windows = (): WindowView[] => {
    const bySource = sourceOf();
    return governor.windows(clock.now()).map(w => windowView(w, bySource(w.address), iso()));
  };

  const status = (): StatusView => {
    const totals = store.totals();
    const doctor = parts.doctor();
    const pausedJobs = governor.pausedNames('job').length > 0 ? jobViews(parts, iso()).filter(j => j.paused !== null) : [];
    return {
      now: new Date(clock.wall()).toISOString(),
      uptime: Math.round((clock.now() - parts.startedAt) / 1000),
      version: parts.version,
      totals: {
        accepted: totals.accepted,
        delivered: totals.delivered,
        deferred: totals.deferred,
        bounced: totals.bounced,
        suppressed: totals.suppressed,
        deleted: totals.deleted,
        waiting: totals.waiting,
        uncertain: totals.uncertain,
      },
      ...(settings().feedback ? { feedback: { ...parts.feedback() } } : {}),
      spool: { messages: totals.messages, recipients: totals.waiting, bytes: totals.bytes },
      sources: sources(),
      lanes: lanes(MOST_LANES),
      queues: queues(),
      windows: windows(),
      ...recordsView([...parts.books.state(), ...parts.alerts.state()]),
      ...(pausedJobs.length > 0 ? { pausedJobs } : {}),
      ...(doctor ? { doctor: { at: doctor.at, state: doctor.state, counts: doctor.counts } } : {}),
    };
  };

  return {
    iso,
    forecasts,
    sources,
    lanes,
    laneNames: chosen,
    waitingOf() {
      const counts = waitingByProvider();
      return lane => waitingOfLane(lane, counts);
    },
    queues,
    windows,
    status,
  };
}

const recordsView = (books: readonly BookState[]): { records?: RecordsView[] } =>
  books.length === 0
    ? {}
    : { records: books.map(book => ({ ...book, ...(book.error === undefined ? {} : { error: printable(book.error) }) })) };
