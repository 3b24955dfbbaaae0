/**
 * What the control API may ask, answered by the running daemon's parts. Reading builds views; acting tells the governor, whose
 * journal record is the trace.
 */
import { filterText } from '../control/filter-text.js';
import { wanted } from '../control/journal-filter.js';
import { type Act, type Operations, Refusal, type StageVerb } from '../control/operations.js';
import { numberText } from '../control/reason-text.js';
import { settingsView } from '../control/settings-view.js';
import type { SuppressionOperations } from '../control/suppression-operations.js';
import type { WhyView } from '../control/why-view.js';
import { feedView, providerView, scheduleView } from '../control/views.js';
import type { Dialogue } from '../deliver/dialogue.js';
import type { HostMemory } from '../deliver/host-memory.js';
import { Trace } from '../govern/undo.js';
import { parseMessageId } from '../kernel/message.js';
import type { Journal } from '../outcome/journal.js';
import type { Feed } from './feed.js';
import { assertPausable, JOB, jobViews } from './jobs.js';
import { past } from './past.js';
import type { BookState } from './shelf.js';
import { createShown, type ShownParts } from './shown.js';
import { nameAsGiven, targetsNamed } from './targets.js';
import type { TlsDesk } from './tls-desk.js';
import { traced } from './trace.js';
import { whyOf } from './why.js';

export interface OperationsParts extends ShownParts {
  readonly suppression: SuppressionOperations;
  readonly tls: TlsDesk;
  readonly dialogue: Dialogue;
  readonly memory: HostMemory;
  readonly feed: Feed;
  readonly journal: Pick<Journal, 'after' | 'lastId'>;
  readonly reload: (author: string) => Promise<{ warnings: string[] }>;
  readonly stop: (author: string) => Promise<void>;
  readonly alerts: { state(): BookState[]; test(author: string): string[] };
}

export function createOperations(parts: OperationsParts): Operations {
  const { clock, governor, dispatcher, settings, feed, journal, mailroom } = parts;
  const author = (act: Act): string => `operator:${act.author}`;

  const shown = createShown(parts);
  const { iso, forecasts } = shown;

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
    status: shown.status,
    sources: shown.sources,
    lanes: () => shown.lanes(),
    queues: shown.queues,
    jobs: () => jobViews(parts, iso()),
    windows: shown.windows,
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
      whyOf(target, {
        ...parts,
        iso: iso(),
        laneNames: shown.laneNames,
        waiting: shown.waitingOf(),
        sources: shown.sources(),
        windows: shown.windows(),
        forecasts,
      }),
    forecast: pool => forecasts.view(pool, iso()),
    feed: (after, limit) => feed.after(after, limit),
    follow: listener => feed.follow(listener),
    trace: (target, hear) => traced(target, hear, parts),
    async pause(target, act) {
      const list = targetsNamed(target, parts);
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
      const list = targetsNamed(target, parts).filter(t => governor.resume(t, author(act), clock.now()));
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
