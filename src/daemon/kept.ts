/**
 * What outlives the process, opened: ledger, spool, journal and state, in this order.
 *
 * Whatever cannot be read is a fault: the daemon never starts "fresh" beside old mail. Each part that is open is handed to
 * `undo` at once, so that a start that fails closes what it opened.
 */
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.js';
import type { Settings } from '../kernel/settings.js';
import type { Instant, Ms } from '../kernel/units.js';
import { openJournal, type Journal } from '../outcome/journal.js';
import { openLedgerLog, type LedgerLog } from '../spool/ledger-log.js';
import { openState, type StateFile } from '../spool/state-file.js';
import { openStore, type Store } from '../spool/store.js';
import { bootId } from './boot.js';
import type { Log } from './log.js';
import { monotonic, type SystemClock } from './system-clock.js';

export interface KeptParts {
  readonly settings: Settings;
  /** How far back the ledger counts, as settings in force say. */
  readonly counted: () => Ms;
  readonly clock: Clock;
  /** Goes on where the ledger ended; absent where policy time is given. */
  readonly systemClock: SystemClock | undefined;
  readonly virtual: boolean;
  readonly log: Log;
  /** The spool can no longer keep what it promised. */
  readonly failed: (error: Error) => void;
  /** Asked while mail is taken, not before. */
  readonly jobPaused: (job: string) => boolean;
  readonly undo: (step: () => Promise<void> | void) => void;
}

export interface Kept {
  readonly ledger: LedgerLog;
  readonly store: Store;
  readonly journal: Journal;
  readonly state: StateFile;
  /** The last sign of life before this start; -Infinity: there was none. */
  readonly downSince: Instant;
}

/** Rejects with FaultError. */
export async function openKept({ settings, counted, clock, systemClock, virtual, log, failed, jobPaused, undo }: KeptParts): Promise<Kept> {
  const { stateDir: dir, node, minFree } = settings;
  const ledger = openLedgerLog({ dir: join(dir, 'ledger'), clock, boot: { id: bootId(), monotonic }, counted });
  undo(() => ledger.close());
  if (systemClock && ledger.resumeAt !== undefined) systemClock.resume(ledger.resumeAt);
  const jobs = {
    paused: jobPaused,
    full: (queues: number) => log.warn({ queues }, 'there are too many queues of jobs: mail of further jobs shares queues'),
  };
  const store = await openStore({ dir: join(dir, 'spool'), node, clock, minFree, jobs, onFailure: failed });
  undo(() => store.close());
  const journal = openJournal({ file: join(dir, 'journal.ndjson'), wall: () => clock.wall() });
  undo(() => journal.close());
  for (const note of journal.notes) log.warn({}, note);
  const existing = store.hasMail() || ledger.nonEmpty || journal.lastId > 0;
  const state = await openState(join(dir, 'state.json'), { existing, virtual });
  const lastRecord = journal.tail(1)[0]?.at ?? -Infinity;
  return { ledger, store, journal, state, downSince: Math.max(lastRecord, ledger.lastAt ?? -Infinity) };
}
