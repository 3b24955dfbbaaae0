/**
 * The doors mail comes in by, SMTP and HTTP, with what stands behind them: who is suppressed, and what signs.
 *
 * Ports are bound while root may; then the daemon becomes its own account, and reads the keys as that. The doors refuse until
 * somebody opens them.
 */
import { createAcceptor, type Acceptor } from '../accept/acceptor.js';
import { createSigner, type DkimSigner } from '../accept/signer.js';
import { createHttp, type Http } from '../control/http.js';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import { printFault } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import type { Delivery } from './delivery.js';
import type { Addressee } from './feedback-desk.js';
import type { Kept } from './kept.js';
import type { Log } from './log.js';
import { dropRoot } from './privileges.js';
import { processFigures } from './process-figures.js';
import { spoolDoor } from './spool-door.js';
import { SuppressionList } from './suppression.js';

export interface DoorsParts {
  readonly settings: () => Settings;
  /** What stands later. */
  readonly late: { readonly store?: Kept['store']; readonly delivery?: Delivery };
  readonly clock: Clock;
  readonly events: Events;
  readonly log: Log;
  readonly version: string;
  readonly undo: (step: () => Promise<void> | void) => void;
}

export interface Doors {
  readonly signer: DkimSigner;
  readonly suppression: SuppressionList;
  readonly acceptor: Acceptor;
  /** Where mail is accepted. */
  readonly listeners: Awaited<ReturnType<Acceptor['listen']>>;
  readonly http: Http;
}

/** Rejects with FaultError. */
export async function openDoors({ settings, late, clock, events, log, version, undo }: DoorsParts): Promise<Doors> {
  const signer = createSigner({ clock, log });
  const suppression = new SuppressionList({ clock, store: () => late.store, settings });
  const acceptor = createAcceptor({
    settings,
    store: spoolDoor(late),
    clock,
    events,
    log,
    signer,
    node: settings().node,
    suppressed: (address, sender) => suppression.refused(address, sender),
    reports: {
      addressee: address => late.delivery?.feedback.desk.addressee(address),
      receive: (addressee, content) => (late.delivery as Delivery).feedback.desk.receive(addressee as Addressee, content),
    },
  });
  acceptor.refuse('4.3.2 starting up, try again in a moment');
  undo(() => acceptor.stop(0));
  const listeners = await acceptor.listen();
  const http = createHttp({
    settings,
    door: acceptor,
    clock,
    events,
    log: { info: t => log.info({}, t), error: t => log.error({}, t) },
    version,
    figures: processFigures,
  });
  undo(() => http.close());
  await http.apply(settings());
  dropRoot(settings(), log);
  // Not before: a reload has to be able to read them too.
  const keys = signer.prepare(settings());
  for (const warning of keys.warnings) log.warn({ place: warning.place }, printFault(warning));
  keys.apply();
  return { signer, suppression, acceptor, listeners, http };
}
