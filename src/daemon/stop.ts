/**
 * The order of a stop: no new mail, transactions in flight finish within `drain`, outcomes commit, a snapshot is written, then
 * everything closes, what others write to last. Once only, whoever asks again waits for the same end.
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
import type { TickClock } from './ticks.js';

/** Clients get no longer than this to end their transactions. */
const CLIENTS_GRACE = 5_000;

export interface StopParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: () => Settings;
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
  let stopping: Promise<void> | undefined;
  return (author, code) => (stopping ??= stop(parts, author, code));
}

async function stop(parts: StopParts, author: string, code: 0 | 1): Promise<void> {
  const { log, acceptor, http, governor, keeper, delivery, kept } = parts;
  const { drain } = parts.settings();
  await Promise.all([acceptor.stop(code === 0 ? Math.min(drain, CLIENTS_GRACE) : 0), http.close()]);
  await delivery.dispatcher.stop(code === 0 ? drain : 0);
  parts.ticks.stop();
  parts.chores.stop();
  parts.doctor.stop();
  await delivery.tls.stop();
  delivery.feedback.close();
  if (code === 0) {
    governor.note('stopped', author, 'rampd stopped', parts.clock.now());
    await keeper.stop();
  }
  delivery.watch.stop();
  await parts.alerts.close();
  await parts.books.close();
  if (code === 0) kept.ledger.close();
  await kept.store.close().catch((error: Error) => log.error({ error: error.message }, 'spool'));
  kept.journal.close();
  await parts.lock.release();
  log.info({}, 'stopped');
  // Last, and behind this turn: the answer to `rampd stop` goes out over it.
  setImmediate(() => void parts.control.close().then(() => parts.finish(code)));
}
