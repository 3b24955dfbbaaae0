/**
 * The order of a stop: no more reloads, no new mail, transactions in flight finish within `drain`, outcomes commit, a snapshot
 * is written, then everything closes, what others write to last. Once only, whoever asks again waits for the same end.
 *
 * A step that fails keeps no other from being taken: a process that neither works nor ends helps nobody. But from then on
 * nothing is promised any more, and the exit code says so.
 */
import type { Acceptor } from '../accept/acceptor.js';
import type { Http } from '../control/http.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import type { Lock } from '../spool/lock.js';
import type { Alerts } from './alerts.js';
import type { Books } from './books.js';
import type { Chores } from './chores.js';
import type { Delivery } from './delivery.js';
import type { DoctorDesk } from './doctor-desk.js';
import type { Keeper } from './keeper.js';
import type { Kept } from './kept.js';
import type { Log } from './log.js';
import type { Reloads } from './reload.js';
import type { TickClock } from './ticks.js';

/** Clients get no longer than this to end their transactions. */
const CLIENTS_GRACE = 5_000;

export interface StopParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => Settings;
  readonly reloads: Pick<Reloads, 'close'>;
  readonly lock: Lock;
  readonly kept: Kept;
  readonly acceptor: Acceptor;
  readonly http: Http;
  readonly governor: Governor;
  readonly keeper: Keeper;
  readonly ticks: TickClock;
  readonly chores: Chores;
  readonly doctor: DoctorDesk;
  readonly delivery: Delivery;
  readonly alerts: Alerts;
  readonly books: Books;
  readonly control: { close(): Promise<void> };
  readonly finish: (code: 0 | 1) => void;
}

/** 1: what was promised can no longer be kept; nothing is waited for, and nothing more is promised. */
export type Stop = (author: string, code: 0 | 1) => Promise<void>;

export function createStop(parts: StopParts): Stop {
  const end: End = { code: 0 };
  let stopping: Promise<void> | undefined;
  return (author, code) => {
    if (code === 1) end.code = 1;
    return (stopping ??= stop(parts, author, end));
  };
}

/** How it ends: 1 as soon as anybody has said so, or something has failed. */
interface End {
  code: 0 | 1;
}

async function stop(parts: StopParts, author: string, end: End): Promise<void> {
  const { log, acceptor, http, governor, keeper, delivery, kept } = parts;
  const reloaded = parts.reloads.close();
  if (end.code === 0) await reloaded;
  const { drain } = parts.settings();
  const step = async (what: string, act: () => Promise<unknown> | void): Promise<void> => {
    try {
      await act();
    } catch (error) {
      end.code = 1;
      log.error({ error: (error as Error).message }, `stopping: ${what}`);
    }
  };
  const grace = end.code === 0 ? Math.min(drain, CLIENTS_GRACE) : 0;
  await Promise.all([step('listeners', () => acceptor.stop(grace)), step('http', () => http.close())]);
  await step('delivery', () => delivery.dispatcher.stop(end.code === 0 ? drain : 0));
  await step('ticks', () => parts.ticks.stop());
  await step('chores', () => parts.chores.stop());
  await step('doctor', () => parts.doctor.stop());
  await step('tls', () => delivery.tls.stop());
  await step('feedback', () => delivery.feedback.close());
  if (end.code === 0) {
    await step('journal', () => governor.note('stopped', author, 'rampd stopped', parts.clock.now()));
    await step('state', () => keeper.stop());
  }
  await step('watch', () => delivery.watch.stop());
  await step('alerts', () => parts.alerts.close());
  await step('books', () => parts.books.close());
  if (end.code === 0) await step('ledger', () => kept.ledger.close());
  await step('spool', () => kept.store.close());
  await step('journal', () => kept.journal.close());
  await step('lock', () => parts.lock.release());
  log.info({}, 'stopped');
  // Last, and behind this turn: the answer to `rampd stop` goes out over it.
  setImmediate(() => void step('control', () => parts.control.close()).then(() => parts.finish(end.code)));
}
