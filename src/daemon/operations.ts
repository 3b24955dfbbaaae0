/**
 * What the control API may ask, answered by the running daemon's parts. Reading builds views; acting tells the governor, whose
 * journal record is the trace.
 */
import type { DoctorView } from '../control/doctor-view.js';
import { wanted } from '../control/journal-filter.js';
import { filterText } from '../control/filter-text.js';
import { type Operations, type Act, Refusal, type StageVerb } from '../control/operations.js';
import { numberText } from '../control/reason-text.js';
import { settingsView } from '../control/settings-view.js';
import type { SuppressionOperations } from '../control/suppression-operations.js';
import type { LaneView, QueueView, RecordsView, SourceView, StatusView, WhyView, WindowView } from '../control/view.js';
import { feedView, type Iso, isoWith, laneView, providerView, scheduleView, sourceView, windowView } from '../control/views.js';
import { Trace } from '../govern/undo.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor, PauseTarget } from '../kernel/governor.js';
import { parseMessageId } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { TlsDesk } from './tls-desk.js';
import { globMatches, printable } from '../kernel/text.js';
import { printLane } from '../kernel/verdict.js';
import type { HostMemory } from '../deliver/host-memory.js';
import type { Dialogue } from '../deliver/dialogue.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Journal } from '../outcome/journal.js';
import type { ReportCounts } from '../spool/report-rows.js';
import type { Store } from '../spool/store.js';
import type { Feed } from './feed.js';
import { Forecasts } from './forecasts.js';
import { assertPausable, JOB, jobsNamed, jobViews } from './jobs.js';
import { type Mailroom } from './mailroom.js';
import { past } from './past.js';
import type { BookState } from './shelf.js';
import { traced } from './trace.js';
import type { Snds } from './snds.js';
import { whyOf } from './why.js';

export interface OperationsParts {
  readonly suppression: SuppressionOperations;
  readonly snds: Snds;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly version: string;
  readonly settings: () => Settings;
  readonly tls: TlsDesk;
  readonly governor: Governor;
  readonly dispatcher: Dispatcher;
  readonly dialogue: Dialogue;
  readonly doctor: () => DoctorView | null;
  readonly store: Store;
  readonly mailroom: Mailroom;
  readonly memory: HostMemory;
  /** Reports about delivered mail so far. */
  readonly feedback: () => Readonly<ReportCounts>;
  readonly feed: Feed;
  readonly journal: Pick<Journal, 'after' | 'lastId'>;
  readonly nextTick: (source: string) => number | null;
  readonly reload: (author: string) => Promise<{ warnings: string[] }>;
  readonly stop: (author: string) => Promise<void>;
  readonly books: { state(): BookState[] };
  readonly alerts: { state(): BookState[]; test(author: string): string[] };
}

export function createOperations(parts: OperationsParts): Operations {
  const { clock, governor, dispatcher, store, settings, feed, journal, mailroom } = parts;
  const iso = (): Iso => isoWith(clock.wall() - clock.now());
  const author = (act: Act): string => `operator:${act.author}`;

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

  const waitingOfLane = (source: string, provider: string, counts: Map<string, number>): number => {
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

  const lanes = (): LaneView[] => {
    const now = clock.now();
    const counts = waitingByProvider();
    const names = new Map(governor.lanes().map(l => [printLane(l), l]));
    for (const lane of dispatcher.lanes.all.values()) names.set(lane.key, lane.name);
    return [...names.values()].map(lane =>
      laneView(
        governor.laneStatus(lane, now),
        governor.explain(lane, {}, now).verdict,
        waitingOfLane(lane.source, lane.provider, counts),
        iso(),
      ),
    );
  };

  const forecasts = new Forecasts(parts);

  const queues = (): QueueView[] =>
    mailroom.queues(iso()).map(queue => {
      const note = queue.note ?? forecasts.sentence(queue.pool);
      return note === undefined ? queue : { ...queue, note };
    });

  const windows = (): WindowView[] => {
    const names = new Map([...settings().sources.values()].map(s => [s.address, s.name]));
    return governor.windows(clock.now()).map(w => windowView(w, w.address === undefined ? null : (names.get(w.address) ?? null), iso()));
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
      lanes: lanes(),
      queues: queues(),
      windows: windows(),
      ...recordsView([...parts.books.state(), ...parts.alerts.state()]),
      ...(pausedJobs.length > 0 ? { pausedJobs } : {}),
      ...(doctor ? { doctor: { at: doctor.at, state: doctor.state, counts: doctor.counts } } : {}),
    };
  };

  /** Names of sources, providers, lanes and queues that a target with globs means. */
  const targets = (target: string): PauseTarget[] => {
    if (target.startsWith(JOB)) return jobsNamed(target.slice(JOB.length), parts).map(name => ({ kind: 'job', name }));
    const kinds = mailroom.names(governor, dispatcher);
    if (target.includes('@')) {
      const known = kinds.queues.filter(n => globMatches(target, n));
      // A queue may be paused before its first message, and resumed after its last.
      const named =
        !/[*?]/.test(target) &&
        (settings().pools.has(target.slice(target.lastIndexOf('@') + 1)) || governor.paused({ kind: 'queue', name: target }));
      if (known.length === 0 && named) known.push(target);
      return known.map(name => ({ kind: 'queue', name }));
    }
    if (target.includes('/')) {
      const known = kinds.lanes.filter(n => globMatches(target, n));
      // A lane may be paused before its first message.
      const [source = '', provider = ''] = target.split('/');
      if (known.length === 0 && settings().sources.has(source) && settings().providers.has(provider)) known.push(target);
      return known.map(name => ({ kind: 'lane', name }));
    }
    return [
      ...[...settings().sources.keys()].filter(n => globMatches(target, n)).map(name => ({ kind: 'source' as const, name })),
      ...kinds.providers.filter(n => globMatches(target, n)).map(name => ({ kind: 'provider' as const, name })),
    ];
  };

  const nameAsGiven = ({ kind, name }: ReturnType<typeof targets>[number]): string => (kind === 'job' ? `${JOB}${name}` : name);

  const found = (target: string): ReturnType<typeof targets> => {
    const list = targets(target);
    if (list.length === 0)
      throw new Refusal(
        `nothing is called ${target}: name a source, a provider, a lane source/provider, a queue domain@pool or a job as job:NAME`,
      );
    return list;
  };

  const knownSource = (name: string): string => {
    if (!settings().sources.has(name))
      throw new Refusal(`there is no source ${name}; sources are ${[...settings().sources.keys()].join(', ')}`);
    return name;
  };

  const refusing = <T>(fn: () => T): T => {
    try {
      return fn();
    } catch (error) {
      throw new Refusal((error as Error).message);
    }
  };

  return {
    suppression: parts.suppression,
    importSnds: (text, act) => parts.snds.import(text, act),
    status,
    sources,
    lanes,
    queues,
    jobs: () => jobViews(parts, iso()),
    windows,
    providers: () => [...settings().providers.values()].map(providerView),
    schedules: () =>
      [...settings().schedules.values()].map(s =>
        scheduleView(
          s,
          [...settings().sources.values()].filter(x => x.warmUp?.schedule === s.name).map(x => x.name),
        ),
      ),
    settings: () => settingsView(settings()),
    tls: () => parts.tls.view(),
    doctor: () => parts.doctor(),
    messages: filter => mailroom.messages(filter, iso()),
    message: async id => {
      const read = parseMessageId(id);
      return read?.node === settings().node ? (await mailroom.message(read.number, iso()))?.view : undefined;
    },
    why: (target): Promise<WhyView> =>
      whyOf(target, { ...parts, iso: iso(), lanes: lanes(), sources: sources(), windows: windows(), forecasts }),
    forecast: pool => forecasts.view(pool, iso()),
    feed: (after, limit) => feed.after(after, limit),
    follow: listener => feed.follow(listener),
    trace: (target, hear) => traced(target, hear, parts),
    async pause(target, act) {
      const list = found(target);
      if (target.startsWith(JOB))
        assertPausable(
          list.map(t => t.name),
          parts,
        );
      for (const t of list) governor.pause(t, author(act), act.why, clock.now());
      dispatcher.queuesChanged();
      dispatcher.changed();
      return list.map(nameAsGiven);
    },
    async resume(target, act) {
      const list = found(target).filter(t => governor.resume(t, author(act), clock.now()));
      if (list.length === 0) throw new Refusal(`nothing that ${target} names is paused`);
      dispatcher.queuesChanged();
      dispatcher.changed();
      return list.map(nameAsGiven);
    },
    async lift(window, act) {
      refusing(() => governor.lift(window, author(act), act.why, clock.now()));
      dispatcher.changed();
    },
    async *journal(filter, after) {
      for await (const { through, records } of past(journal, after, filter.since)) {
        yield { through, lines: records.map(feedView).filter(line => wanted(line, filter)) };
      }
    },
    async undo(id, act) {
      const trace = new Trace(id);
      let seen = id - 1;
      for await (const { through, records } of past(journal, seen)) {
        for (const record of records) trace.note(record);
        seen = through;
      }
      // From here to the act nothing else runs.
      for (const record of journal.after(seen)) trace.note(record);
      if (trace.found.records.length === 0) throw new Refusal(`there is no record ${id} in the journal; the last is ${journal.lastId}`);
      const text = refusing(() => governor.undo(trace.found, author(act), act.why, clock.now()));
      dispatcher.queuesChanged();
      dispatcher.changed();
      return text;
    },
    async stage(verb: StageVerb, source, options, act) {
      const text = refusing(() => governor.stage(verb, knownSource(source), options, author(act), act.why, clock.now()));
      dispatcher.changed(source);
      return text;
    },
    async retry(target, act) {
      const count = await mailroom.retry(target);
      const text = `${recipientsText(count)} of ${target} made due now${act.why ? `: ${act.why}` : ''}`;
      if (count > 0) governor.note('retried', author(act), text, clock.now());
      return count;
    },
    async remove(filter, act) {
      const count = await mailroom.remove(filter, act.why ? `${author(act)}: ${act.why}` : author(act));
      const told = filter.dsn ? ', their senders told' : '';
      const text = `${recipientsText(count)} ${filterText(filter)} deleted${told}${act.why ? `: ${act.why}` : ''}`;
      if (count > 0) governor.note('deleted', author(act), text, clock.now());
      return count;
    },
    async alertTest(act) {
      const ways = parts.alerts.test(author(act));
      if (ways.length === 0) throw new Refusal('no alerts are configured: say alerts: [{ mail: … }]');
      return ways;
    },
    reload: act => parts.reload(author(act)),
    stop: act => parts.stop(author(act)),
  };
}

const recipientsText = (count: number): string => `${numberText(count)} ${count === 1 ? 'recipient' : 'recipients'}`;

const recordsView = (books: readonly BookState[]): { records?: RecordsView[] } =>
  books.length === 0
    ? {}
    : { records: books.map(book => ({ ...book, ...(book.error === undefined ? {} : { error: printable(book.error) }) })) };
