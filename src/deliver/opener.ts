/**
 * Opens a lane's connections: for sites that have more work than connections, as the governor admits, never more than the
 * lane's pace can use. What comes of it is told to the governor; a site that cannot be reached rests.
 */
import type { Instant } from '../kernel/units.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Wait } from '../kernel/verdict.js';
import { Connector, type NotOpened } from './connect.js';
import type { Leave } from './target.js';
import type { Lane } from './lane.js';
import type { Picker } from './picker.js';
import type { Places } from './places.js';
import type { DeliverPorts } from './ports.js';
import { isAboutUs } from './refusal.js';
import { Session } from './session.js';
import { policiesAt } from './sharers.js';
import type { Site } from './waiting.js';

/** Connections one lane opens at the same time. */
const MOST_OPENING = 8;
/** Departures an hour that one connection carries easily: a slower lane opens no second one until the first turns out slow. */
const PER_CONNECTION = 1_800;

export interface OpenerHooks {
  running(): boolean;
  /** An attempt ended, well or not: the lane may have something to do. */
  ended(lane: Lane): void;
  /** The lane has a new instant at which to be asked. */
  alarm(lane: Lane): void;
  /** The place of a connection is free again. */
  released(lane: Lane): void;
  /** Watches over work that nobody waits for. */
  guard(work: Promise<void>, lane: Lane): void;
}

export class Opener {
  readonly #ports: DeliverPorts;
  readonly #places: Places;
  readonly #picker: Picker;
  readonly #connector: Connector;
  readonly #hooks: OpenerHooks;

  constructor(ports: DeliverPorts, places: Places, picker: Picker, hooks: OpenerHooks) {
    const { clock, events, settings, router, log, dialogue } = ports;
    this.#ports = ports;
    this.#places = places;
    this.#picker = picker;
    this.#connector = new Connector({ clock, events, settings, router, memory: ports.memory, log, dialogue });
    this.#hooks = hooks;
  }

  openMore(lane: Lane, now: Instant): void {
    if (this.#places.areFull(lane.source)) return this.#wait(lane, Infinity);
    for (const site of this.#picker.sitesWithWork(lane, now)) {
      if (lane.siteRests(site.key, now)) continue;
      while (this.#wants(lane, site, now)) {
        const verdict = this.#ports.governor.mayConnect(lane.known, now);
        if (!verdict.go) {
          this.#wait(lane, verdict.until ?? Infinity);
          return this.#makeRoom(lane, site, verdict);
        }
        this.#hooks.guard(this.#open(lane, site, verdict.connection), lane);
      }
    }
  }

  #wait(lane: Lane, until: Instant): void {
    lane.connectAfter = until;
    this.#hooks.alarm(lane);
  }

  /** More ready queues at the site than connections on their way to serve them, and all open ones busy. */
  #wants(lane: Lane, site: Site, now: Instant): boolean {
    const opening = lane.opening.get(site.key) ?? 0;
    if (lane.openingCount() >= MOST_OPENING || lane.idleFor(site.key)) return false;
    if (this.#picker.dueAt(site, opening + 1, now) <= opening) return false;
    const there = opening + [...lane.sessions].filter(s => s.site === site.key && s.state !== 'leaving').length;
    // All are busy: the governor says whether a slot is due all the same, and then they are too slow for it.
    if (opening === 0) return true;
    return there < Math.ceil(this.#ports.governor.laneStatus(lane.known, now).maxMsgPerHour / PER_CONNECTION);
  }

  /** Idle connections of other sites or lanes may hold the place this one needs: close one. */
  #makeRoom(lane: Lane, site: Site, verdict: Wait): void {
    const reason = verdict.because()[0];
    if (reason?.limit !== 'max-smtp-out') return;
    const shared = reason.scope === 'source' || reason.scope === 'total' ? reason.scope : undefined;
    if (shared && verdict.until === null) this.#places.full(shared === 'source' ? lane.source : undefined);
    // One that is on its way out makes room enough.
    if (lane.isLeaving) return;
    const mine = [...lane.sessions].find(s => s.state === 'idle' && s.site !== site.key);
    if (mine) return mine.quit();
    if (!shared) return;
    let idle: Session | undefined;
    for (const other of this.#places.holders(shared === 'source' ? lane.source : undefined)) {
      if (other.isLeaving) return;
      if (other !== lane) idle ??= other.anyIdle();
    }
    idle?.quit();
  }

  async #open(lane: Lane, site: Site, permitted: number): Promise<void> {
    const { governor, clock, settings } = this.#ports;
    lane.opening.set(site.key, (lane.opening.get(site.key) ?? 0) + 1);
    const source = settings().sources.get(lane.source);
    const from = source && { source, provider: lane.name.provider, sharing: (host: string) => policiesAt(site, host) };
    let connection: number | undefined = permitted;
    const leave: Leave = {
      aboutUs: failed => isAboutUs(this.#classify(lane, failed)),
      another: () => {
        if (connection === undefined) return false;
        governor.disconnected(connection, clock.now());
        const verdict = governor.mayConnect(lane.known, clock.now());
        connection = verdict.go ? verdict.connection : undefined;
        return verdict.go;
      },
    };
    const opened = from ? await this.#connector.open(from, site.hosts, governor.laneLimits(lane.known), leave) : undefined;
    const opening = (lane.opening.get(site.key) ?? 1) - 1;
    if (opening > 0) lane.opening.set(site.key, opening);
    else lane.opening.delete(site.key);
    if (opened && 'connection' in opened && connection !== undefined) {
      governor.connected(connection, clock.now());
      const session = new Session(connection, site.key, opened, clock, { closed: (s, reply) => this.#closed(lane, s, reply) });
      lane.sessions.add(session);
      lane.siteConnected(site.key, clock.now());
      this.#places.held(lane);
      const isCurrent = session.isFrom(settings().sources.get(lane.source));
      if (this.#hooks.running() && !lane.retired && isCurrent) session.rest(governor.laneLimits(lane.known).idleTimeout);
      else session.quit();
    } else if (opened && 'reply' in opened) this.#failed(lane, site, opened, connection);
    else if (connection !== undefined) governor.disconnected(connection, clock.now());
    this.#hooks.ended(lane);
  }

  /** `connection` is undefined when its place was given back to ask for another, which was not granted. */
  #failed(lane: Lane, site: Site, failed: NotOpened, connection: number | undefined): void {
    const { governor, clock, log } = this.#ports;
    const match = this.#classify(lane, failed);
    // Names without addresses are a stranger's DNS: the provider's hosts have nothing to do with it.
    if (connection !== undefined && failed.hosts === 0) governor.disconnected(connection, clock.now());
    else if (connection !== undefined) governor.connectFailed(connection, match, failed.hosts, clock.now());
    else governor.absorbReply(lane.known, match, clock.now());
    lane.siteFailed(site.key, match.reply.line, clock.now());
    this.#hooks.alarm(lane);
    log.info({ lane: lane.key, host: failed.host, reply: match.reply.line }, 'connection not opened');
    this.#hooks.released(lane);
  }

  #classify(lane: Lane, failed: { reply: ReplyMatch['reply']; phase: ReplyMatch['phase'] }): ReplyMatch {
    return this.#ports.classifier().classify(failed.reply, { provider: lane.name.provider, phase: failed.phase, recipientDomain: '' });
  }

  #closed(lane: Lane, session: Session, reply: ReplyMatch['reply'] | undefined): void {
    const { governor, clock } = this.#ports;
    lane.sessions.delete(session);
    if (lane.sessions.size === 0) this.#places.left(lane);
    governor.disconnected(session.connection, clock.now());
    if (reply) governor.absorbReply(lane.known, this.#classify(lane, { reply, phase: 'idle' }), clock.now());
    if (session.useless)
      this.#useless(lane, session, reply?.line ?? `${session.host}[${session.address}]: closed before a message could begin`);
    this.#hooks.released(lane);
  }

  /** Connections like this one would come and go as fast as they can be made: the site rests, and others of its hosts come first. */
  #useless(lane: Lane, { site, host, address }: Session, why: string): void {
    const { clock, memory, log } = this.#ports;
    memory.failed({ ...lane.name, host, address }, why);
    lane.siteFailed(site, why, clock.now());
    this.#hooks.alarm(lane);
    log.info({ lane: lane.key, host, reply: why }, 'connection closed before it was used');
  }
}
