/**
 * Composition root: builds the parts, wires them, starts, drains, stops.
 *
 * Order of a start: settings, state folder and its lock, listeners (refusing for now), privileges, spool, ledger, journal,
 * state, governor, missed ticks, delivery, control; then mail is accepted. Whatever cannot be read is a fault: the daemon
 * never starts "fresh" beside old mail. Order of a stop: no new mail, transactions in flight finish within `drain`, outcomes
 * commit, a snapshot is written.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAcceptor } from './accept/acceptor.js';
import { createSigner } from './accept/signer.js';
import { nodeFiles } from './config/files.js';
import { loadSettings } from './config/load.js';
import { createHttp } from './control/http.js';
import { startControl } from './control/server.js';
import { Alerts } from './daemon/alerts.js';
import { Books, type BooksParts, prepared } from './daemon/books.js';
import { createOperations } from './daemon/operations.js';
import { Chores } from './daemon/chores.js';
import { DeliveryWatch } from './daemon/delivery-watch.js';
import { DoctorDesk } from './daemon/doctor-desk.js';
import { Feed } from './daemon/feed.js';
import { Feedback } from './daemon/feedback.js';
import type { Addressee } from './daemon/feedback-desk.js';
import { Keeper } from './daemon/keeper.js';
import { createLog, type Log } from './daemon/log.js';
import { Mailroom } from './daemon/mailroom.js';
import { bootId } from './daemon/boot.js';
import { dropRoot } from './daemon/privileges.js';
import { processFigures } from './daemon/process-figures.js';
import { checkStateFolder } from './daemon/state-folder.js';
import { Snds } from './daemon/snds.js';
import { SuppressionList } from './daemon/suppression.js';
import { interfaceAddresses } from './daemon/interfaces.js';
import { unchangeable } from './daemon/unchangeable.js';
import { createSystemClock, monotonic, type SystemClock } from './daemon/system-clock.js';
import { deliverStore, ownMail } from './daemon/own-mail.js';
import { logDialogue } from './daemon/trace.js';
import { TickClock } from './daemon/ticks.js';
import { TlsDesk } from './daemon/tls-desk.js';
import { Dialogue } from './deliver/dialogue.js';
import { Dispatcher } from './deliver/dispatcher.js';
import { HostMemory } from './deliver/host-memory.js';
import { createGovernor } from './govern/governor.js';
import type { Clock } from './kernel/clock.js';
import type { Governor } from './kernel/governor.js';
import { Events } from './kernel/events.js';
import type { MessageNumber } from './kernel/message.js';
import { FaultError, printFault } from './kernel/fault.js';
import type { Settings } from './kernel/settings.js';
import { Classifier } from './outcome/classify.js';
import { openJournal } from './outcome/journal.js';
import { createDns } from './route/validated-dns.js';
import { createRouter } from './route/router.js';
import { openLedgerLog } from './spool/ledger-log.js';
import { lockStateDir } from './spool/lock.js';
import { openState } from './spool/state-file.js';
import { openStore } from './spool/store.js';

export interface DaemonOptions {
  readonly settingsFile: string;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly debug: boolean;
  /** Given by the lab: policy time that runs faster. Its state is marked virtual, and `start` refuses it. */
  readonly clock?: Clock;
  readonly virtual?: boolean;
  readonly log?: Log;
  readonly events?: Events;
  /** 0 ≤ n < 1; jitter and the order of equal MX hosts. */
  readonly random?: () => number;
}

export interface Daemon {
  readonly done: Promise<0 | 1>;
  readonly events: Events;
  /** Where mail is accepted. */
  readonly listeners: readonly { readonly address: string; readonly port: number }[];
  readonly settings: () => Settings;
  readonly operations: ReturnType<typeof createOperations>;
  readonly governor: Governor;
  reload(author: string): Promise<{ warnings: string[] }>;
  stop(author: string): Promise<void>;
}

const VERSION: string = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** Rejects with FaultError when a person must mend something first. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const read = loadSettings(options.settingsFile, nodeFiles(options.cwd));
  if (!read.settings) throw new FaultError(read.faults);
  let settings: Settings = read.settings;
  const log = options.log ?? createLog(settings, options.debug);
  for (const warning of read.warnings) log.warn({ place: warning.place }, printFault(warning));

  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await assemble();
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }

  async function assemble(): Promise<Daemon> {
    const dir = settings.stateDir;
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    const lock = await lockStateDir(dir);
    undo.push(() => lock.release());
    checkStateFolder(dir);

    const systemClock: SystemClock | undefined = options.clock ? undefined : createSystemClock();
    const clock: Clock = options.clock ?? (systemClock as SystemClock);
    const events = options.events ?? new Events();
    const random = options.random ?? Math.random;
    let failing = false;
    let finish: (code: 0 | 1) => void = () => undefined;
    const done = new Promise<0 | 1>(resolve => (finish = resolve));

    // Mail is refused until everything below stands, and again once something has failed.
    let refuse: (reason: string | null) => void = () => undefined;
    const failed = (error: Error): void => {
      if (failing) return;
      failing = true;
      log.fatal({ error: error.message }, 'stopping: what was promised can no longer be kept');
      events.emit('failed', { reason: error.message });
      refuse('4.3.0 the mail system is stopping');
      void stopAll('daemon', 1);
    };

    const late: { store?: Awaited<ReturnType<typeof openStore>>; books?: Books; feedback?: Feedback } = {};
    const signer = createSigner({ clock, log });
    const suppression = new SuppressionList({ clock, store: () => late.store, settings: () => settings, governor: () => governor });
    const acceptor = createAcceptor({
      settings: () => settings,
      store: {
        async accept(envelope, recipients, content, receipt) {
          if (!late.store || !late.books) throw new Error('the spool is not open yet');
          let bytes = 0;
          const counted = (n: MessageNumber): readonly Buffer[] => {
            const pieces = content(n);
            for (const piece of pieces) bytes += piece.length;
            return pieces;
          };
          const number = await late.store.accept(envelope, recipients, counted, receipt);
          late.books.received(number, envelope, recipients, bytes);
          return number;
        },
        receipt: key => late.store?.receipt(key),
        room: () => late.store?.room() ?? 'full',
        waiting: () => late.store?.totals().messages ?? 0,
      },
      clock,
      events,
      log,
      signer,
      node: settings.node,
      suppressed: (address, sender) => suppression.refused(address, sender),
      reports: {
        addressee: address => late.feedback?.desk.addressee(address),
        receive: (addressee, content) => (late.feedback as Feedback).desk.receive(addressee as Addressee, content),
      },
    });
    refuse = reason => acceptor.refuse(reason);
    refuse('4.3.2 starting up, try again in a moment');
    undo.push(() => acceptor.stop(0));
    const listeners = await acceptor.listen();
    const http = createHttp({
      settings: () => settings,
      door: acceptor,
      clock,
      events,
      log: { info: t => log.info({}, t), error: t => log.error({}, t) },
      version: VERSION,
      figures: processFigures,
    });
    undo.push(() => http.close());
    await http.apply(settings);
    dropRoot(settings, log);
    // Not before: a reload has to be able to read them too.
    const keys = signer.prepare(settings);
    for (const warning of keys.warnings) log.warn({ place: warning.place }, printFault(warning));
    keys.apply();

    const boot = { id: bootId(), monotonic };
    const ledger = openLedgerLog({ dir: join(dir, 'ledger'), clock, boot });
    undo.push(() => ledger.close());
    if (systemClock && ledger.resumeAt !== undefined) systemClock.resume(ledger.resumeAt);
    const store = await openStore({ dir: join(dir, 'spool'), node: settings.node, clock, minFree: settings.minFree, onFailure: failed });
    late.store = store;
    undo.push(() => store.close());
    const journal = openJournal({ file: join(dir, 'journal.ndjson'), wall: () => clock.wall() });
    undo.push(() => journal.close());
    for (const note of journal.notes) log.warn({}, note);
    const state = await openState(join(dir, 'state.json'), {
      existing: store.hasMail() || ledger.nonEmpty || journal.lastId > 0,
      virtual: options.virtual ?? false,
    });

    const send = ownMail(store, signer, log);
    const alerts = new Alerts({ clock, log, random, dir: join(dir, 'webhooks'), send }, settings);
    await alerts.open();
    undo.push(() => alerts.close());
    const trouble: BooksParts['trouble'] = (kind, subject, text) => alerts.tell({ kind, at: clock.now(), subject, text });
    const books = new Books({ clock, log, random, dir: join(dir, 'webhooks'), trouble }, settings);
    await books.open();
    late.books = books;
    undo.push(
      () => books.close(),
      events.on('refused', event => books.refused(event)),
    );

    const chores = new Chores({ clock, ledger, store, suppression, feedback: { prune: () => late.feedback?.prune() }, failed });
    undo.push(() => chores.stop());
    const lastRecord = journal.tail(1)[0]?.at ?? -Infinity;
    const downSince = Math.max(lastRecord, ledger.lastAt ?? -Infinity);
    const feed = new Feed();
    for (const record of journal.tail(500)) feed.add(record);
    const governor = createGovernor({
      journal(record) {
        // Durable before the change takes effect; a journal that cannot be written ends the daemon.
        try {
          const written = journal.append(record);
          feed.add(written);
          books.changed(written);
          alerts.changed(written);
          events.emit('journal', written);
          log.info({ journal: written.type, source: written.source, provider: written.provider, author: written.author }, written.text);
          keeper.touched();
        } catch (error) {
          failed(error as Error);
          throw error;
        }
      },
      ledger: record => ledger.append(record),
      changed: (source, provider) => dispatcher.changed(source, provider),
    });
    const keeper = new Keeper({ clock, governor, journal, state, log, virtual: options.virtual ?? false });
    const dns = createDns(settings.dns);
    const tls = new TlsDesk({
      dir,
      clock,
      events,
      settings: () => settings,
      dns,
      addresses: host => router.addresses(host),
      send,
      log,
    });
    undo.push(() => tls.stop());
    const doctor = new DoctorDesk({ clock, settings: () => settings, log, enabled: options.virtual !== true });
    undo.push(() => doctor.stop());
    const router = createRouter({
      dns,
      clock,
      sts: tls.sts,
      tlsResult: result => events.emit('tls', result),
      settings: () => settings,
      random,
      interfaces: interfaceAddresses,
    });
    const memory = new HostMemory(clock);
    const dialogue = new Dialogue(clock);
    if (options.debug)
      dialogue.follow(
        () => true,
        line => logDialogue(line, log),
      );
    let classifier = new Classifier(settings.providers);
    const feedback: Feedback = new Feedback({
      clock,
      events,
      log,
      stateDir: dir,
      settings: () => settings,
      reports: store.reports,
      suppression,
      governor,
      classifier: () => classifier,
      account: record => books.write(record),
      commit: (days, beside) => dispatcher.commit(days, beside),
    });
    feedback.prepare(settings)();
    late.feedback = feedback;
    undo.push(() => feedback.close());
    const dispatcher = new Dispatcher({
      clock,
      events,
      settings: () => settings,
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
      random,
      log,
      dialogue,
      failed,
    });

    governor.restore(state.read()?.governor, [...journal.after(state.read()?.governor.lastRecord ?? 0)]);
    governor.configure(settings, clock.now());
    governor.restoreDays(store.days(), clock.now());
    governor.restoreLedger(ledger.records, ledger.end, clock.now());
    governor.restoreComplaints(store.reports.complaints());
    if (downSince > -Infinity) governor.noteDowntime(downSince, clock.now());
    const ticks = new TickClock({
      clock,
      judge: (source, at) => judge(source, at),
      judgedThrough: source => governor.judgedThrough(source),
      setNextTick: (source, at) => governor.setNextTick(source, at),
    });
    const judge = (source: string, at: number): void => {
      governor.judge(source, at, clock.now());
    };
    ticks.configure(settings);
    undo.push(() => ticks.stop());

    const watch = new DeliveryWatch({ clock, settings: () => settings, governor, store, backlog: dispatcher.backlog, alerts });
    undo.push(() => watch.stop());

    const startedAt = clock.now();
    const mailroom = new Mailroom({ clock, store, dispatcher, settings: () => settings, node: settings.node });
    const operations = createOperations({
      clock,
      startedAt,
      version: VERSION,
      settings: () => settings,
      tls,
      governor,
      suppression,
      snds: new Snds({ clock, store, settings: () => settings, governor }),
      dispatcher,
      dialogue,
      doctor: () => doctor.last(),
      store,
      mailroom,
      memory,
      feedback: () => feedback.desk.counts,
      feed,
      journal,
      nextTick: s => ticks.next(s),
      reload,
      books,
      alerts,
      stop: author => stopAll(author, 0),
    });
    const control = await startControl({
      socket: settings.control.socket,
      operations,
      log: { info: t => log.info({}, t), error: t => log.error({}, t) },
      wall: () => clock.wall(),
    });
    undo.push(() => control.close());
    await http.serve(operations);

    // From here on a missing state.json is a fault, and so is a missing part beside it.
    ledger.flush();
    if (!state.read()) await keeper.snapshot();
    governor.note('started', 'daemon', `rampd ${VERSION} started with ${settings.sources.size} sources`, clock.now());
    keeper.watch();
    chores.start();
    tls.start();
    void doctor.look();
    dispatcher.start();
    refuse(null);
    log.info({ listeners, http: http.bound, socket: settings.control.socket }, `rampd ${VERSION} is ready`);

    let reloading: Promise<unknown> = Promise.resolve();
    /** One after the other: two at once would open the same listeners. */
    function reload(author: string): Promise<{ warnings: string[] }> {
      const result = reloading.then(() => reloadNow(author));
      reloading = result.catch(() => undefined);
      return result;
    }

    async function reloadNow(author: string): Promise<{ warnings: string[] }> {
      const next = loadSettings(options.settingsFile, nodeFiles(options.cwd));
      if (!next.settings) throw new FaultError(next.faults);
      const fixed = unchangeable(settings, next.settings);
      if (fixed) throw new FaultError([fixed]);
      const keys = signer.prepare(next.settings);
      const secret = feedback.prepare(next.settings);
      // The last steps that may fail: behind them all is changed in one turn, or nothing is.
      const turn = await prepared([books, alerts], next.settings);
      const doors = async (): Promise<void> => {
        await http.apply(next.settings as Settings);
        await acceptor.applySettings(next.settings);
      };
      await doors().catch(async (error: unknown) => {
        await http.apply(settings);
        await turn.drop();
        throw error;
      });
      settings = next.settings;
      keys.apply();
      secret();
      turn.adopt();
      classifier = new Classifier(settings.providers);
      governor.configure(settings, clock.now());
      ticks.configure(settings);
      dispatcher.reconfigure();
      void doctor.look();
      governor.note('reloaded', author, `${options.settingsFile} is in force`, clock.now());
      events.emit('reloaded', { file: options.settingsFile });
      return { warnings: [...next.warnings, ...keys.warnings].map(printFault) };
    }

    let stopping: Promise<void> | undefined;
    function stopAll(author: string, code: 0 | 1): Promise<void> {
      stopping ??= (async () => {
        await Promise.all([acceptor.stop(code === 0 ? Math.min(settings.drain, 5_000) : 0), http.close()]);
        await dispatcher.stop(code === 0 ? settings.drain : 0);
        ticks.stop();
        chores.stop();
        doctor.stop();
        await tls.stop();
        feedback.close();
        if (code === 0) {
          governor.note('stopped', author, 'rampd stopped', clock.now());
          await keeper.stop();
        }
        watch.stop();
        await alerts.close();
        await books.close();
        if (code === 0) ledger.close();
        await store.close().catch((error: Error) => log.error({ error: error.message }, 'spool'));
        journal.close();
        await lock.release();
        log.info({}, 'stopped');
        // Last, and behind this turn: the answer to `rampd stop` goes out over it.
        setImmediate(() => void control.close().then(() => finish(code)));
      })();
      return stopping;
    }

    return { done, events, listeners, settings: () => settings, operations, governor, reload, stop: author => stopAll(author, 0) };
  }
}
