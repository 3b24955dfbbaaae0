/**
 * Everything mail passes on its way out, wired: DNS, TLS policies, routes, reports that come back, the dispatcher, and the
 * watch over what leaves. They know each other; the rest of the daemon hands in what they share.
 */
import type { Signer } from '../accept/signer.js';
import { Dialogue } from '../deliver/dialogue.js';
import { Dispatcher } from '../deliver/dispatcher.js';
import { HostMemory } from '../deliver/host-memory.js';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { Classifier } from '../outcome/classify.js';
import { createRouter } from '../route/router.js';
import { createDns } from '../route/validated-dns.js';
import type { LedgerLog } from '../spool/ledger-log.js';
import type { Store } from '../spool/store.js';
import type { Alerts } from './alerts.js';
import type { Books } from './books.js';
import { DeliveryWatch } from './delivery-watch.js';
import { Feedback } from './feedback.js';
import { interfaceAddresses } from './interfaces.js';
import type { Log } from './log.js';
import { deliverStore, type OwnMail } from './own-mail.js';
import type { SuppressionList } from './suppression.js';
import { TlsDesk } from './tls-desk.js';
import { signAnew } from './sign-anew.js';
import { logDialogue } from './trace.js';

export interface DeliveryParts {
  readonly clock: Clock;
  readonly events: Events;
  readonly log: Log;
  readonly debug: boolean;
  readonly random: () => number;
  readonly settings: () => Settings;
  readonly store: Store;
  readonly ledger: LedgerLog;
  readonly governor: Governor;
  readonly suppression: SuppressionList;
  readonly books: Books;
  readonly alerts: Alerts;
  readonly send: OwnMail;
  readonly signer: Signer;
  readonly failed: (error: Error) => void;
  readonly undo: (step: () => Promise<void> | void) => void;
}

export interface Delivery {
  readonly dispatcher: Dispatcher;
  readonly dialogue: Dialogue;
  readonly memory: HostMemory;
  readonly tls: TlsDesk;
  readonly feedback: Feedback;
  readonly watch: DeliveryWatch;
  /** Mail leaves. */
  start(): void;
  /** New settings are in force, and the governor has them. */
  reconfigure(): void;
}

/** Nothing of it runs yet. Throws FaultError when the secret of bounce addresses cannot be read. */
export function createDelivery(parts: DeliveryParts): Delivery {
  const { clock, events, log, random, settings, store, ledger, governor, suppression, books, alerts, send, failed, undo } = parts;
  const dns = createDns(settings().dns);
  const tls = new TlsDesk({
    dir: settings().stateDir,
    clock,
    events,
    settings,
    dns,
    addresses: host => router.addresses(host),
    send,
    log,
  });
  undo(() => tls.stop());
  const router = createRouter({
    dns,
    clock,
    sts: tls.sts,
    tlsResult: result => events.emit('tls', result),
    settings,
    random,
    interfaces: interfaceAddresses,
  });
  const memory = new HostMemory(clock);
  const dialogue = new Dialogue(clock);
  if (parts.debug)
    dialogue.follow(
      () => true,
      line => logDialogue(line, log),
    );
  let classifier = new Classifier(settings().providers);
  const feedback: Feedback = new Feedback({
    clock,
    log,
    stateDir: settings().stateDir,
    settings,
    reports: store.reports,
    suppression,
    governor,
    classifier: () => classifier,
    account: record => books.write(record),
    commit: (days, beside) => dispatcher.commit(days, beside),
  });
  feedback.prepare(settings())();
  undo(() => feedback.close());
  const dispatcher = new Dispatcher({
    clock,
    events,
    settings,
    store: deliverStore(store, send),
    router,
    memory,
    governor,
    classifier: () => classifier,
    suppressed: (address, sender) => suppression.ended(address, sender),
    remember: ends => suppression.afterOutcomes(ends),
    reversePath: departing => feedback.desk.reversePath(departing),
    account: record => {
      books.write(record);
      watch.note(record);
    },
    flushAccounting: () => books.flush(),
    flushLedger() {
      ledger.flush();
      feedback.flush();
    },
    signAnew: signAnew(parts.signer),
    random,
    log,
    dialogue,
    failed,
  });
  const watch = new DeliveryWatch({ clock, settings, governor, store, backlog: dispatcher.backlog, alerts });
  undo(() => watch.stop());
  return {
    dispatcher,
    dialogue,
    memory,
    tls,
    feedback,
    watch,
    start() {
      tls.start();
      dispatcher.start();
      watch.start();
    },
    reconfigure() {
      classifier = new Classifier(settings().providers);
      dispatcher.reconfigure();
    },
  };
}
