/**
 * The dispatcher: what is due meets the lanes that may send. One heap of lanes by next eligible time, one of queues by next
 * due time, one timer; nothing polls and no worker sleeps on a limit.
 *
 * serve(lane) is the whole of it: hand work to idle connections while verdicts say go; open connections for sites that have
 * more work than connections; when a verdict says wait, note until when and leave. It is called when work appears, when a
 * connection becomes idle, when a lane's instant comes, and when the governor says that something changed.
 */
import type { Timer } from '../kernel/clock.js';
import type { ReplyMatch } from '../kernel/reply.js';
import { domainOf } from '../kernel/message.js';
import type { Instant } from '../kernel/units.js';
import { HOUR, MINUTE } from '../kernel/units.js';
import type { Wait } from '../kernel/verdict.js';
import { Backlog } from './backlog.js';
import { Choice } from './choice.js';
import { Connector } from './connect.js';
import { type Departure, Departures } from './departure.js';
import { Expiry } from './expiry.js';
import { TimeHeap } from './heap.js';
import type { Lane } from './lane.js';
import { Lanes } from './lanes.js';
import { Outbox } from './outbox.js';
import { Picker, type Pick } from './picker.js';
import type { DeliverPorts, DeliverQueue } from './ports.js';
import { Session } from './session.js';
import type { Group, Site } from './waiting.js';

/** Connections one lane opens at the same time. */
const MOST_OPENING = 8;
/** 4d12h, where configuration says nothing. */
const BOUNCE_AFTER = 108 * HOUR;
/** How often groups with ready mail are asked again: slots of cold lanes grow and shrink with time alone. */
const LOOK_AGAIN = MINUTE;
/** Departures an hour that one connection carries easily; a slower lane needs no second one. */
const PER_CONNECTION = 1_800;
/** How often everything waiting is looked through for recipients whose time is over. */
const SWEEP = 10 * MINUTE;

export class Dispatcher {
  readonly backlog: Backlog;
  readonly lanes: Lanes;
  readonly #ports: DeliverPorts;
  readonly #choice: Choice;
  readonly #picker: Picker;
  readonly #connector: Connector;
  readonly #outbox: Outbox;
  readonly #departures: Departures;
  readonly #expiry: Expiry;
  readonly #heap = new TimeHeap<Lane>();
  /** Lanes that wait for an event: a connection elsewhere to close, a person, a window to be lifted. */
  readonly #eventWaiters = new Set<Lane>();
  #timer: Timer | undefined;
  #timerAt: Instant = Infinity;
  #sweepTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #running = false;
  #inFlight = 0;
  #drained: (() => void)[] = [];

  constructor(ports: DeliverPorts) {
    this.#ports = ports;
    const { governor, settings, clock, router, store, log, dialogue } = ports;
    this.lanes = new Lanes(settings);
    this.#choice = new Choice(
      governor,
      settings,
      source => this.lanes.groupsOf(source),
      (group, at) => this.#askAgain(group, at),
    );
    this.#connector = new Connector({ clock, router, log, dialogue });
    this.#outbox = new Outbox(ports);
    this.#departures = new Departures(ports, this.#outbox);
    this.#expiry = new Expiry(ports, this.#departures, queue => {
      const provider = this.backlog.waiting.get(queue.id)?.site?.group.provider;
      return (settings().providers.get(provider ?? '')?.limits.bounceAfter ?? settings().defaults.bounceAfter)?.value ?? BOUNCE_AFTER;
    });
    this.backlog = new Backlog(
      { clock, router, settings, queuePaused: queue => governor.queuePaused(queue) },
      {
        ready: group => this.#wakeGroup(group),
        opened: group => this.lanes.join(group),
        undeliverable: (waiting, text) => void this.#expiry.bounceDomain(waiting.queue, text).then(() => this.backlog.place(waiting.queue)),
        unresolved: (waiting, text) => void this.#expiry.sweep(waiting.queue, text),
      },
    );
    this.#picker = new Picker(this.backlog, this.#choice, this.lanes, queue => this.#expiry.expired(queue));
    store.onHead(queue => {
      if (this.#running) this.#placed(queue);
    });
  }

  start(): void {
    this.#running = true;
    for (const queue of this.#ports.store.queues()) this.#placed(queue);
    this.#sweepTimer = this.#ports.clock.at(this.#ports.clock.now() + SWEEP, () => this.#sweep());
    this.#look();
    this.#arm();
  }

  /**
   * Takes no new work; resolves when transactions in flight have ended and their outcomes are committed. What has not ended
   * within `limit` milliseconds is cut off and counts as an attempt that failed.
   */
  async stop(limit: number): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    this.#sweepTimer?.cancel();
    this.#lookTimer?.cancel();
    for (const lane of this.lanes.all.values()) for (const session of [...lane.sessions]) if (session.state === 'idle') session.quit();
    // Real time: it bounds how long a stop may take.
    const cut = setTimeout(() => {
      for (const lane of this.lanes.all.values()) for (const session of [...lane.sessions]) session.cut();
    }, limit);
    if (this.#inFlight > 0) await new Promise<void>(resolve => this.#drained.push(resolve));
    clearTimeout(cut);
    await this.#outbox.drained();
  }

  /** New settings are in force. */
  reconfigure(): void {
    this.#choice.forget();
    this.lanes.rejoin(this.backlog.groups.values());
    this.backlog.replaceAll();
    this.changed();
  }

  /** Queues were paused or resumed. */
  queuesChanged(): void {
    this.backlog.replaceAll();
    this.#arm();
  }

  /** Limits changed: lanes that wait are asked again, connections above a new maximum close. */
  changed(source?: string, provider?: string): void {
    this.#choice.forget();
    for (const lane of this.lanes.matching(source, provider)) {
      lane.waitUntil = 0;
      lane.connectAfter = 0;
      this.#trim(lane);
      // Not this lane alone: what it may take decides what the others leave.
      for (const group of lane.groups) this.#wakeGroup(group);
    }
  }

  #placed(queue: DeliverQueue): void {
    this.backlog.place(queue);
    this.#arm();
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
      for (const lane of group.lanes) if (!this.#ports.governor.isWarm(lane.source)) this.#serve(lane);
      for (const lane of group.lanes) if (this.#ports.governor.isWarm(lane.source)) this.#serve(lane);
    });
  }

  #serve(lane: Lane): void {
    if (!this.#running || lane.groups.size === 0) return;
    const now = this.#ports.clock.now();
    if (lane.blocked(now)) return;
    for (const session of lane.sessions) {
      if (session.state !== 'idle') continue;
      const pick = this.#picker.pick(lane, session.site, now);
      if (pick && !this.#begin(lane, session, pick, now)) return;
    }
    if (lane.connectAfter <= now) this.#openMore(lane, now);
  }

  /** False when the lane has to wait. */
  #begin(lane: Lane, session: Session, first: Pick, now: Instant): boolean {
    const { governor } = this.#ports;
    let pick: Pick | undefined = first;
    for (let tries = 0; pick && tries < 8; tries++) {
      const rows = this.#picker.together(pick, governor.laneLimits(lane.name).maxRcptPerMessage);
      const verdict = governor.decide(
        { lane: lane.name, senderDomain: domainOf(pick.row.sender), recipientDomain: pick.waiting.queue.domain, wanted: rows.length },
        now,
      );
      if (verdict.go) {
        const taken = rows.slice(0, verdict.permit.slots);
        for (const row of taken) pick.waiting.queue.take(row);
        this.#picker.took(lane, pick, taken.length);
        session.claim();
        void this.#carry(lane, session, pick, { permit: verdict.permit, queue: pick.waiting.queue, rows: taken });
        return true;
      }
      if (!this.#passOver(pick, verdict)) {
        this.#wait(lane, verdict);
        return false;
      }
      pick = this.#picker.pick(lane, session.site, now);
    }
    return true;
  }

  /** A window on one sender or recipient domain holds that mail, not the lane. */
  #passOver(pick: Pick, verdict: Wait): boolean {
    const reason = verdict.because()[0];
    if (!reason || (reason.scope !== 'sender-domain' && reason.scope !== 'recipient-domain' && reason.scope !== 'recipient')) return false;
    const until = verdict.until ?? this.#ports.clock.now() + MINUTE;
    if (reason.scope === 'recipient-domain') this.backlog.hold(pick.waiting, until, `waits for ${reason.limit} of ${reason.from}`);
    else this.#picker.postpone(pick, until);
    this.#arm();
    return true;
  }

  async #carry(lane: Lane, session: Session, pick: Pick, departure: Departure): Promise<void> {
    this.#inFlight++;
    const { governor, clock } = this.#ports;
    const departed = await this.#departures.run(departure, session);
    this.#inFlight--;
    this.backlog.place(pick.waiting.queue);
    const limits = governor.laneLimits(lane.name);
    const alive =
      session.mayCarry(limits) && !governor.shouldClose(lane.name, session.connection, clock.now()) && this.#running && !lane.retired
        ? !departed.sent || !departed.result.needsReset || (await session.reset())
        : false;
    if (alive) session.rest(limits.idleTimeout);
    else session.quit();
    if (this.#inFlight === 0 && !this.#running) for (const resolve of this.#drained.splice(0)) resolve();
    this.#serve(lane);
    this.#serveYielded(lane);
    this.#arm();
  }

  /** Lanes of the source that left this one its turn. */
  #serveYielded(lane: Lane): void {
    for (const other of this.#choice.yielded(lane.source)) this.#serve(other);
  }

  #wait(lane: Lane, verdict: Wait): void {
    lane.waitUntil = verdict.until ?? Infinity;
    this.#alarm(lane);
  }

  #alarm(lane: Lane): void {
    const at = lane.nextAsk(this.#ports.clock.now());
    if (lane.waitUntil === Infinity || lane.connectAfter === Infinity) this.#eventWaiters.add(lane);
    if (at === Infinity) this.#heap.remove(lane);
    else this.#heap.set(lane, at);
    this.#arm();
  }

  #openMore(lane: Lane, now: Instant): void {
    for (const site of this.#picker.sitesWithWork(lane, now)) {
      if (lane.siteRests(site.key, now)) continue;
      while (this.#wants(lane, site, now)) {
        const verdict = this.#ports.governor.mayConnect(lane.name, now);
        if (!verdict.go) {
          lane.connectAfter = verdict.until ?? Infinity;
          this.#alarm(lane);
          this.#makeRoom(lane, site, verdict);
          return;
        }
        void this.#open(lane, site, verdict.connection);
      }
    }
  }

  /** More ready queues at the site than connections on their way to serve them, and all open ones busy. */
  #wants(lane: Lane, site: Site, now: Instant): boolean {
    const opening = lane.opening.get(site.key) ?? 0;
    if (lane.openingCount() >= MOST_OPENING || lane.idleFor(site.key)) return false;
    if (this.#picker.dueAt(site, opening + 1, now) <= opening) return false;
    const there = opening + [...lane.sessions].filter(s => s.site === site.key).length;
    if (there === 0) return true;
    return there < Math.ceil(this.#ports.governor.laneStatus(lane.name, now).maxMsgPerHour / PER_CONNECTION);
  }

  /** Idle connections of other sites or lanes may hold the place this one needs: close one. */
  #makeRoom(lane: Lane, site: Site, verdict: Wait): void {
    const reason = verdict.because()[0];
    if (reason?.limit !== 'max-smtp-out') return;
    const mine = [...lane.sessions].find(s => s.state === 'idle' && s.site !== site.key);
    if (mine) return mine.quit();
    if (reason.scope === 'lane') return;
    for (const other of this.lanes.matching(reason.scope === 'source' ? lane.source : undefined)) {
      const idle = other === lane ? undefined : other.anyIdle();
      if (idle) return idle.quit();
    }
  }

  async #open(lane: Lane, site: Site, connection: number): Promise<void> {
    const { governor, clock, settings, events } = this.#ports;
    lane.opening.set(site.key, (lane.opening.get(site.key) ?? 0) + 1);
    const source = settings().sources.get(lane.source);
    const opened = source ? await this.#connector.open(source, site.hosts, governor.laneLimits(lane.name)) : undefined;
    const opening = (lane.opening.get(site.key) ?? 1) - 1;
    if (opening > 0) lane.opening.set(site.key, opening);
    else lane.opening.delete(site.key);
    if (opened && 'connection' in opened) {
      governor.connected(connection, clock.now());
      lane.deadSites.delete(site.key);
      const session = new Session(connection, site.key, opened, clock, { closed: (s, reply) => this.#closed(lane, s, reply) });
      lane.sessions.add(session);
      events.emit('connected', { ...lane.name, host: opened.host, tls: opened.tls });
      if (this.#running && !lane.retired) session.rest(governor.laneLimits(lane.name).idleTimeout);
      else session.quit();
    } else if (opened) {
      const match = this.#classify(lane, opened);
      governor.connectFailed(connection, match, opened.hosts, clock.now());
      lane.siteFailed(site.key, match.reply.line, clock.now());
      this.#alarm(lane);
      events.emit('connect-failed', { ...lane.name, host: opened.host, reply: match.reply.line, class: match.class });
      this.#ports.log.info({ lane: lane.key, host: opened.host, reply: match.reply.line }, 'connection not opened');
      this.#released(lane);
    } else governor.disconnected(connection, clock.now());
    this.#serve(lane);
    this.#serveYielded(lane);
    this.#arm();
  }

  #classify(lane: Lane, failed: { reply: ReplyMatch['reply']; phase: ReplyMatch['phase'] }): ReplyMatch {
    return this.#ports.classifier().classify(failed.reply, { provider: lane.name.provider, phase: failed.phase, recipientDomain: '' });
  }

  #closed(lane: Lane, session: Session, reply: ReplyMatch['reply'] | undefined): void {
    const { governor, clock } = this.#ports;
    lane.sessions.delete(session);
    governor.disconnected(session.connection, clock.now());
    if (reply) governor.absorbReply(lane.name, this.#classify(lane, { reply, phase: 'idle' }), clock.now());
    this.#released(lane);
  }

  /** A connection's place is free again: lanes that waited for one are asked. */
  #released(lane: Lane): void {
    const waiters = [...this.#eventWaiters].filter(l => l === lane || l.source === lane.source || this.#ports.settings().total.maxSmtpOut);
    for (const waiter of waiters) {
      this.#eventWaiters.delete(waiter);
      waiter.waitUntil = 0;
      waiter.connectAfter = 0;
      setImmediate(() => this.#serve(waiter));
    }
  }

  /** Idle connections above the limit in force close; busy ones do so after their transaction. */
  #trim(lane: Lane): void {
    for (const session of [...lane.sessions]) {
      if (session.state === 'idle' && this.#ports.governor.shouldClose(lane.name, session.connection, this.#ports.clock.now()))
        session.quit();
    }
  }

  #sweep(): void {
    for (const waiting of [...this.backlog.waiting.values()]) {
      if (waiting.place !== 'stuck') void this.#expiry.sweep(waiting.queue, waiting.note);
    }
    this.#sweepTimer = this.#ports.clock.at(this.#ports.clock.now() + SWEEP, () => this.#sweep());
  }

  #look(): void {
    this.#choice.forget();
    for (const lane of this.lanes.all.values()) lane.forgetSites(this.#ports.clock.now());
    for (const group of this.backlog.groups.values()) if (group.sites.size > 0) this.#wakeGroup(group);
    this.#lookTimer = this.#ports.clock.at(this.#ports.clock.now() + LOOK_AGAIN, () => this.#look());
  }

  /** One timer, at the earliest instant either heap wants. */
  #arm(): void {
    if (!this.#running) return;
    const at = Math.min(this.#heap.first()?.heapAt ?? Infinity, this.backlog.heap.first()?.heapAt ?? Infinity);
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    if (at !== Infinity) this.#timer = this.#ports.clock.at(at, () => this.#wake());
  }

  #wake(): void {
    this.#timerAt = Infinity;
    this.backlog.wake();
    const now = this.#ports.clock.now();
    const due: Lane[] = [];
    for (let lane = this.#heap.popDue(now); lane; lane = this.#heap.popDue(now)) due.push(lane);
    // Lanes of one source often wait for the same slot: it goes to the one furthest behind.
    for (const lane of due.sort((a, b) => a.pass - b.pass)) this.#serve(lane);
    this.#arm();
  }
}
