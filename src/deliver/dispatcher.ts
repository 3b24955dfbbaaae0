/**
 * The dispatcher: what is due meets the lanes that may send.
 *
 * Builds the parts of delivery and tells them of each other. A lane is served (serving.ts) when work appears, when a connection
 * becomes idle, when its instant comes, and when the governor says that something changed; what the clock alone brings about
 * is looked at in rounds.
 */
import type { DayRow } from '../kernel/day.js';
import type { QueuedRecipient } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import { MINUTE } from '../kernel/units.js';
import { Alarms } from './alarms.js';
import { Backlog } from './backlog.js';
import { Choice } from './choice.js';
import { Departures } from './departure.js';
import { Delays } from './delays.js';
import { Expiry } from './expiry.js';
import type { Lane } from './lane.js';
import { Lanes } from './lanes.js';
import { Lifetimes } from './lifetime.js';
import { Outbox } from './outbox.js';
import { Opener } from './opener.js';
import { Picker } from './picker.js';
import { Places } from './places.js';
import type { DeliverPorts } from './ports.js';
import { Rounds } from './rounds.js';
import { Serving } from './serving.js';
import { Underway } from './underway.js';
import type { Group, Waiting } from './waiting.js';

/** How often groups with ready mail are asked again: slots of cold lanes grow and shrink with time alone. */
const LOOK_AGAIN = MINUTE;
/** How often everything waiting is looked through for recipients whose time is over, and what is empty forgotten. */
const SWEEP = 10 * MINUTE;

export class Dispatcher {
  readonly backlog: Backlog;
  readonly lanes: Lanes;
  readonly #ports: DeliverPorts;
  readonly #choice: Choice;
  readonly #picker: Picker;
  readonly #outbox: Outbox;
  readonly #expiry: Expiry;
  readonly #delays: Delays;
  readonly #alarms: Alarms;
  readonly #lifetimes: Lifetimes;
  readonly #serving: Serving;
  readonly #rounds: Rounds;
  readonly #underway = new Underway();
  readonly #places = new Places();
  #running = false;

  constructor(ports: DeliverPorts) {
    this.#ports = ports;
    this.#rounds = new Rounds(ports.clock);
    const { governor, settings, clock, router, store } = ports;
    this.lanes = new Lanes(settings, name => ports.governor.known(name));
    this.#choice = new Choice(
      governor,
      settings,
      source => this.lanes.groupsOf(source),
      (group, at) => this.#askAgain(group, at),
    );
    this.#outbox = new Outbox(ports);
    const departures = new Departures(ports, this.#outbox, this.#underway);
    this.#lifetimes = new Lifetimes(governor, settings);
    const bounceAfter = (queue: Queue): number => this.#lifetimes.of(queue.pool, this.backlog.waiting.get(queue.id)?.provider ?? '');
    const running = (): boolean => this.#running;
    this.#expiry = new Expiry(ports, departures, this.#underway, {
      bounceAfter,
      trouble: queue => this.backlog.waiting.get(queue.id)?.trouble,
      running,
    });
    this.#delays = new Delays(ports, this.#outbox, this.#underway, bounceAfter, running);
    this.backlog = new Backlog(
      { clock, router, settings, paused: queue => governor.mailPaused(queue) },
      {
        ready: group => this.#wakeGroup(group),
        opened: group => this.lanes.join(group),
        undeliverable: (waiting, route) => {
          if (this.#running) void this.#expiry.bounceDomain(waiting.queue, route).then(() => this.backlog.place(waiting.queue));
        },
        unresolved: waiting => {
          if (this.#running) void this.#expiry.sweep(waiting.queue);
        },
      },
    );
    this.#alarms = new Alarms({ clock, backlog: this.backlog, running, due: lane => this.#serving.served(lane) });
    this.#picker = new Picker(this.backlog, this.#choice, this.lanes, {
      expired: queue => this.#expiry.expired(queue),
      aside: (queue, rows) => this.#aside(queue, rows),
    });
    const opener = new Opener(ports, this.#places, this.#picker, {
      running,
      ended: lane => this.#serving.served(lane),
      alarm: lane => this.#alarms.set(lane),
      released: lane => this.#released(lane),
      guard: (work, lane) => this.#serving.guard(work, lane),
    });
    this.#serving = new Serving(ports, {
      alarms: this.#alarms,
      backlog: this.backlog,
      choice: this.#choice,
      departures,
      expiry: this.#expiry,
      opener,
      picker: this.#picker,
      underway: this.#underway,
      running,
      placed: queue => this.#placed(queue),
      wake: group => this.#wakeGroup(group),
    });
    store.onHead(queue => {
      if (this.#running) this.#placed(queue);
    });
  }

  start(): void {
    this.#running = true;
    for (const queue of this.#ports.store.queues()) this.#placed(queue);
    this.#rounds.every(SWEEP, () => this.#sweep());
    this.#rounds.every(LOOK_AGAIN, () => this.#look());
    this.#look();
    this.#alarms.arm();
  }

  /**
   * Takes no new work; resolves when transactions in flight have ended and their outcomes are committed, or cannot be. What has
   * not ended within `limit` milliseconds is cut off and counts as an attempt that failed.
   */
  async stop(limit: number): Promise<void> {
    this.#running = false;
    this.#alarms.stop();
    this.#rounds.stop();
    for (const lane of this.lanes.all.values()) for (const session of [...lane.sessions]) if (session.state === 'idle') session.quit();
    // Real time: it bounds how long a stop may take.
    const cut = setTimeout(() => {
      for (const lane of this.lanes.all.values()) for (const session of [...lane.sessions]) session.cut();
    }, limit);
    await Promise.race([this.#underway.settled().then(() => this.#outbox.drained()), this.#outbox.broken]);
    clearTimeout(cut);
  }

  /** Do warm lanes leave the mail of this queue to the pool's cold ones just now? */
  withholds({ site, queue }: Waiting): boolean {
    return site !== undefined && queue.warmUp !== 'never' && this.#choice.reserved(site.group, queue.warmUp, this.#ports.clock.now());
  }

  /** Commits what a report about delivered mail changed, in turn with outcomes. Never resolves when that fails: the daemon ends. */
  commit(days: readonly DayRow[], beside: readonly SideRow[]): Promise<void> {
    return new Promise(committed => this.#outbox.settle({ changes: [], days, beside, committed }));
  }

  /** A person deletes recipients, taken already; resolves when that is committed. `text`, for the accounting, says who and why. */
  remove(queue: Queue, rows: readonly QueuedRecipient[], text: string, silent: boolean): Promise<void> {
    return this.#expiry.remove(queue, rows, text, silent);
  }

  /** New settings are in force. */
  reconfigure(): void {
    this.#choice.forget();
    this.#lifetimes.forget();
    this.lanes.rejoin(this.backlog.groups.values());
    this.backlog.replaceAll();
    this.changed();
  }

  /** Queues were paused or resumed. */
  queuesChanged(): void {
    this.backlog.replaceAll();
    this.#alarms.arm();
  }

  /** Limits changed: lanes that wait are asked again, connections above a new maximum close. */
  changed(source?: string, provider?: string): void {
    this.#choice.forget();
    this.#picker.forget();
    this.#places.freed(source);
    this.backlog.askWindows(provider);
    for (const lane of this.lanes.matching(source, provider)) {
      lane.waitUntil = 0;
      lane.connectAfter = 0;
      this.#trim(lane);
      // Not this lane alone: what it may take decides what the others leave.
      for (const group of lane.groups) this.#wakeGroup(group);
    }
  }

  #placed(queue: Queue): void {
    this.backlog.place(queue);
    this.#alarms.arm();
  }

  #askAgain(group: Group, at: Instant): void {
    if (group.asking) return;
    group.asking = true;
    this.#ports.clock.at(at, () => {
      group.asking = false;
      this.#wakeGroup(group);
    });
  }

  /** Once a turn, however much became ready in it. */
  #wakeGroup(group: Group): void {
    if (!this.#running || group.waking) return;
    group.waking = true;
    setImmediate(() => {
      group.waking = false;
      // Cold lanes first: what they have slots for is theirs.
      for (const lane of group.lanes) if (!this.#ports.governor.isWarm(lane.source)) this.#serving.serve(lane);
      for (const lane of group.lanes) if (this.#ports.governor.isWarm(lane.source)) this.#serving.serve(lane);
    });
  }

  /** A connection's place is free again: lanes that waited for one are asked. */
  #released(lane: Lane): void {
    this.#places.freed(lane.source);
    const everywhere = this.#ports.settings().total.maxSmtpOut !== undefined;
    const freed = this.#alarms.released(other => everywhere || other === lane || other.source === lane.source);
    for (const waiter of freed) setImmediate(() => this.#serving.serve(waiter));
  }

  /** Idle connections that are not, or not any more, what the limits in force allow close; busy ones do so after their transaction. */
  #trim(lane: Lane): void {
    for (const session of [...lane.sessions]) if (session.state === 'idle' && !this.#serving.mayStay(lane, session)) session.quit();
  }

  /** Not an attempt, and nobody's delay: only their place in the queue changes. */
  #aside(queue: Queue, rows: readonly { readonly row: QueuedRecipient; readonly due: Instant }[]): void {
    const taken = rows.filter(({ row }) => queue.take(row));
    const changes = taken.map(({ row, due }) => ({ row, queue, to: { due, state: row.state } }));
    this.#outbox.settle({ changes, days: [], committed: () => this.#placed(queue) });
    this.#placed(queue);
  }

  #sweep(): void {
    for (const waiting of [...this.backlog.waiting.values()]) {
      if (waiting.place === 'stuck') continue;
      const { queue, trouble } = waiting;
      void this.#expiry.sweep(queue).then(() => (trouble === undefined ? undefined : this.#delays.sweep(queue, trouble)));
    }
    for (const lane of this.lanes.prune(this.backlog.prune(), this.#ports.clock.now())) {
      this.#alarms.forget(lane);
    }
  }

  #look(): void {
    this.#choice.forget();
    this.#places.freed();
    this.#lifetimes.forget();
    for (const lane of this.lanes.all.values()) lane.forgetSites(this.#ports.clock.now());
    for (const group of this.backlog.groups.values()) if (group.sites.size > 0) this.#wakeGroup(group);
  }
}
