/**
 * Composition root: builds the parts, wires them, starts, drains, stops.
 *
 * Order of a start: settings, state folder and its lock, listeners (refusing for now), privileges, ledger, spool, journal,
 * state (kept.ts), books, governor, delivery (delivery.ts), missed ticks, control; then mail is accepted. Whatever cannot be
 * read is a fault: the daemon never starts "fresh" beside old mail. Reloads are in reload.ts, the order of a stop in stop.ts.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFiles } from './config/files.js';
import { loadSettings } from './config/load.js';
import { startControl } from './control/server.js';
import { Alerts } from './daemon/alerts.js';
import { Books, type BooksParts } from './daemon/books.js';
import { createOperations } from './daemon/operations.js';
import { Chores } from './daemon/chores.js';
import { DoctorDesk } from './daemon/doctor-desk.js';
import { openDoors } from './daemon/doors.js';
import { Feed } from './daemon/feed.js';
import { createDelivery, type Delivery } from './daemon/delivery.js';
import { createGoverned } from './daemon/governed.js';
import { openKept, type Kept } from './daemon/kept.js';
import { createLog, type Log } from './daemon/log.js';
import { longestRate } from './daemon/longest-rate.js';
import { Mailroom } from './daemon/mailroom.js';
import { createReloads } from './daemon/reload.js';
import { checkStateFolder } from './daemon/state-folder.js';
import { Snds } from './daemon/snds.js';
import { createStop, type Stop } from './daemon/stop.js';
import { SuppressionDesk } from './daemon/suppression-desk.js';
import { createSystemClock, type SystemClock } from './daemon/system-clock.js';
import { ownMail } from './daemon/own-mail.js';
import type { Clock } from './kernel/clock.js';
import type { Governor } from './kernel/governor.js';
import { Events } from './kernel/events.js';
import { FaultError, printFault } from './kernel/fault.js';
import type { Settings } from './kernel/settings.js';
import type { Ms } from './kernel/units.js';
import { lockStateDir } from './spool/lock.js';

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
    let finish: (code: 0 | 1) => void = () => undefined;
    const done = new Promise<0 | 1>(resolve => (finish = resolve));

    // What stands later than those who ask for it.
    const late: { store?: Kept['store']; books?: Books; delivery?: Delivery; stop?: Stop } = {};
    const doors = await openDoors({
      settings: () => settings,
      late,
      clock,
      events,
      log,
      version: VERSION,
      undo: step => undo.push(step),
    });
    const { signer, suppression, acceptor, listeners, http } = doors;

    // Mail is refused until everything below stands, and again once something has failed.
    let failure: Error | undefined;
    const failed = (error: Error): void => {
      if (failure) return;
      failure = error;
      log.fatal({ error: error.message }, 'stopping: what was promised can no longer be kept');
      acceptor.refuse('4.3.0 the mail system is stopping');
      void late.stop?.('daemon', 1);
    };

    const virtual = options.virtual ?? false;
    const jobPaused = (name: string): boolean => governor.paused({ kind: 'job', name }) !== undefined;
    const counted = (): Ms => longestRate(settings);
    const kept = await openKept({ settings, counted, clock, systemClock, virtual, log, failed, jobPaused, undo: step => undo.push(step) });
    const { ledger, store, journal, state } = kept;
    late.store = store;

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

    const chores = new Chores({
      clock,
      ledger,
      store,
      governor: { climbs: address => governor.climbs(address) },
      suppression: { prune: () => suppressionDesk.prune() },
      feedback: { prune: () => late.delivery?.feedback.prune() },
      failed,
    });
    undo.push(() => chores.stop());
    const feed = new Feed();
    for (const record of journal.tail(500)) feed.add(record);
    const governed = createGoverned({
      clock,
      events,
      log,
      kept,
      virtual,
      readers: [record => feed.add(record), record => books.changed(record), record => alerts.changed(record)],
      changed: (source, provider) => delivery.dispatcher.changed(source, provider),
      failed,
    });
    const { governor, keeper, ticks } = governed;
    const suppressionDesk = new SuppressionDesk({ clock, store, governor });
    const delivery: Delivery = createDelivery({
      clock,
      events,
      log,
      debug: options.debug,
      random,
      settings: () => settings,
      store,
      ledger,
      governor,
      suppression,
      books,
      alerts,
      send,
      signer,
      failed,
      undo: step => undo.push(step),
    });
    late.delivery = delivery;

    const doctor = new DoctorDesk({ clock, settings: () => settings, log, enabled: !virtual });
    undo.push(() => doctor.stop());

    // From here on a missing state.json is a fault, and so is a missing part beside it: before the first record, or a start
    // that fails further down could not be repeated.
    if (!state.read()) {
      ledger.flush();
      await keeper.snapshot();
    }
    governed.restore(settings);
    undo.push(() => ticks.stop());

    const reloads = createReloads({
      settingsFile: options.settingsFile,
      cwd: options.cwd,
      settings: () => settings,
      signer,
      feedback: delivery.feedback,
      tellers: [books, alerts],
      http,
      acceptor,
      adopt: next => (settings = next),
      adopted(author) {
        governed.configure(settings);
        delivery.reconfigure();
        void doctor.look();
        log.reopen?.();
        governor.note('reloaded', author, `${options.settingsFile} is in force`, clock.now());
      },
    });

    const startedAt = clock.now();
    const mailroom = new Mailroom({ clock, store, dispatcher: delivery.dispatcher, settings: () => settings, node: settings.node });
    const operations = createOperations({
      clock,
      startedAt,
      version: VERSION,
      settings: () => settings,
      tls: delivery.tls,
      governor,
      suppression: suppressionDesk,
      snds: new Snds({ clock, store, settings: () => settings, governor }),
      dispatcher: delivery.dispatcher,
      dialogue: delivery.dialogue,
      doctor: () => doctor.last(),
      store,
      mailroom,
      memory: delivery.memory,
      feedback: () => delivery.feedback.desk.counts,
      feed,
      journal,
      nextTick: s => ticks.next(s),
      reload: author => reloads.reload(author),
      books,
      alerts,
      stop: author => stop(author, 0),
    });
    const control = await startControl({
      socket: settings.control.socket,
      ...(settings.fixedFrom && { from: settings.fixedFrom['control.socket'] }),
      operations,
      log: { info: t => log.info({}, t), error: t => log.error({}, t) },
      wall: () => clock.wall(),
    });
    undo.push(() => control.close());
    await http.serve(operations);
    const stop: Stop = createStop({
      clock,
      log,
      settings: () => settings,
      reloads,
      lock,
      kept,
      acceptor,
      http,
      governor,
      keeper,
      ticks,
      chores,
      doctor,
      delivery,
      alerts,
      books,
      control,
      finish,
    });
    if (failure) throw failure;
    late.stop = stop;

    governor.note('started', 'daemon', `rampd ${VERSION} started with ${settings.sources.size} sources`, clock.now());
    keeper.watch();
    chores.start();
    delivery.start();
    void doctor.look();
    acceptor.refuse(null);
    log.info({ listeners, http: http.bound, socket: settings.control.socket }, `rampd ${VERSION} is ready`);
    return {
      done,
      events,
      listeners,
      settings: () => settings,
      operations,
      governor,
      reload: author => reloads.reload(author),
      stop: author => stop(author, 0),
    };
  }
}
