/**
 * The governor in the daemon: what it decides goes to the journal before it takes effect, what was kept is given back to it
 * at the start, and the end of each day is told to it, missed ones first.
 */
import { createGovernor } from '../govern/governor.js';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { Governor } from '../kernel/governor.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Settings } from '../kernel/settings.js';
import { Keeper } from './keeper.js';
import type { Kept } from './kept.js';
import type { Log } from './log.js';
import { TickClock } from './ticks.js';

export interface GovernedParts {
  readonly clock: Clock;
  readonly events: Events;
  readonly log: Log;
  readonly kept: Kept;
  readonly virtual: boolean;
  /** Who is told of each record, once it is durable. */
  readonly readers: readonly ((record: JournalRecord) => void)[];
  /** Limits changed: of a lane, of a source, or of all. */
  readonly changed: (source?: string, provider?: string) => void;
  readonly failed: (error: Error) => void;
}

export interface Governed {
  readonly governor: Governor;
  readonly keeper: Keeper;
  readonly ticks: TickClock;
  /** Gives back what was kept, under these settings, and judges the days that were missed. Once. */
  restore(settings: Settings): void;
  /** New settings are in force. */
  configure(settings: Settings): void;
}

export function createGoverned(parts: GovernedParts): Governed {
  const { clock, events, log, kept, failed } = parts;
  const { journal, ledger, state, store } = kept;
  const governor: Governor = createGovernor({
    journal(record) {
      // Durable before the change takes effect; a journal that cannot be written ends the daemon.
      try {
        const written = journal.append(record);
        for (const reader of parts.readers) reader(written);
        events.emit('journal', written);
        log.info({ journal: written.type, source: written.source, provider: written.provider, author: written.author }, written.text);
        keeper.touched();
      } catch (error) {
        failed(error as Error);
        throw error;
      }
    },
    ledger: record => ledger.append(record),
    changed: parts.changed,
  });
  const keeper = new Keeper({ clock, governor, journal, state, log, virtual: parts.virtual });
  const ticks = new TickClock({
    clock,
    judge: (source, at) => void governor.judge(source, at, clock.now()),
    judgedThrough: source => governor.judgedThrough(source),
    setNextTick: (source, at) => governor.setNextTick(source, at),
  });
  return {
    governor,
    keeper,
    ticks,
    restore(settings) {
      const snapshot = state.read()?.governor;
      governor.restore(snapshot, [...journal.after(snapshot?.lastRecord ?? 0)]);
      governor.configure(settings, clock.now());
      governor.restoreDays(store.days(), clock.now());
      governor.restoreLedger(ledger.records, ledger.end, clock.now());
      governor.restoreComplaints(store.reports.complaints());
      if (kept.downSince > -Infinity) governor.noteDowntime(kept.downSince, clock.now());
      ticks.configure(settings);
    },
    configure(settings) {
      governor.configure(settings, clock.now());
      ticks.configure(settings);
    },
  };
}
