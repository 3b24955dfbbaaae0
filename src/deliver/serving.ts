/**
 * Serving a lane: hand work to idle connections while verdicts say go; open connections for sites that have more work than
 * connections; when a verdict says wait, note until when and leave.
 *
 * Never waits itself, and never takes a recipient for whom no permit was given. A delivery that fails by a bug ends alone.
 */
import { domainOf } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import { type Instant, MINUTE } from '../kernel/units.js';
import type { Wait } from '../kernel/verdict.js';
import type { Alarms } from './alarms.js';
import type { Backlog } from './backlog.js';
import type { Choice } from './choice.js';
import type { Departure, Departures } from './departure.js';
import type { Expiry } from './expiry.js';
import type { Lane } from './lane.js';
import type { Opener } from './opener.js';
import type { Pick, Picker } from './picker.js';
import type { DeliverPorts } from './ports.js';
import type { Session } from './session.js';
import type { Underway } from './underway.js';
import type { Group } from './waiting.js';

export interface ServingParts {
  readonly alarms: Alarms;
  readonly backlog: Backlog;
  readonly choice: Choice;
  readonly departures: Departures;
  readonly expiry: Expiry;
  readonly opener: Opener;
  readonly picker: Picker;
  readonly underway: Underway;
  running(): boolean;
  /** A queue may stand elsewhere now. */
  placed(queue: Queue): void;
  /** The group's lanes are to be asked, in a while. */
  wake(group: Group): void;
}

export class Serving {
  readonly #ports: DeliverPorts;
  readonly #parts: ServingParts;

  constructor(ports: DeliverPorts, parts: ServingParts) {
    this.#ports = ports;
    this.#parts = parts;
  }

  serve(lane: Lane): void {
    if (!this.#parts.running() || lane.groups.size === 0) return;
    const now = this.#ports.clock.now();
    if (lane.blocked(now)) return;
    let dry: string | undefined;
    for (const session of this.#parts.picker.connections(lane)) {
      if (session.state !== 'idle' || session.site === dry) continue;
      const pick = this.#parts.picker.pick(lane, session.site, now);
      if (!pick) dry = session.site;
      else if (!this.#begin(lane, session, pick, now)) return;
    }
    if (lane.connectAfter <= now) this.#parts.opener.openMore(lane, now);
  }

  /** False when the lane has to wait. */
  #begin(lane: Lane, session: Session, first: Pick, now: Instant): boolean {
    const { governor } = this.#ports;
    let pick: Pick | undefined = first;
    for (let tries = 0; pick && tries < 8; tries++) {
      const { queue: of } = pick.waiting;
      // Where each recipient has a reverse path of its own, no two leave together.
      const most = this.#ports.settings().pools.get(of.pool)?.verp ? 1 : governor.laneLimits(lane.known).maxRcptPerMessage;
      const rows = this.#parts.expiry.mailable(of, this.#parts.picker.together(pick, lane, session.site, now, most), () =>
        this.#parts.placed(of),
      );
      if (rows.length === 0) {
        pick = this.#parts.picker.pick(lane, session.site, now);
        continue;
      }
      const verdict = governor.decide(
        { lane: lane.known, senderDomain: domainOf(pick.row.sender), recipientDomain: pick.waiting.queue.domain, wanted: rows.length },
        now,
      );
      if (verdict.go) {
        const { permit } = verdict;
        const { queue } = pick.waiting;
        const taken = rows.slice(0, permit.slots).filter(row => queue.take(row));
        if (taken.length < permit.slots) governor.refund(permit, permit.slots - taken.length, now);
        if (taken.length === 0) {
          pick = this.#parts.picker.pick(lane, session.site, now);
          continue;
        }
        this.#parts.picker.took(lane, pick, taken.length);
        session.claim();
        this.guard(this.#parts.underway.add(this.#carry(lane, session, pick, { permit, queue, rows: taken })), lane);
        return true;
      }
      if (!this.#passOver(pick, verdict)) {
        this.#wait(lane, verdict);
        return false;
      }
      pick = this.#parts.picker.pick(lane, session.site, now);
    }
    // There is more to pass over: others have their turn first.
    if (pick) this.#parts.wake(pick.group);
    return true;
  }

  /** A window on one sender or recipient domain holds that mail, not the lane. */
  #passOver(pick: Pick, verdict: Wait): boolean {
    const reason = verdict.because()[0];
    if (!reason || (reason.scope !== 'sender-domain' && reason.scope !== 'recipient-domain' && reason.scope !== 'recipient')) return false;
    const until = verdict.until ?? this.#ports.clock.now() + MINUTE;
    if (reason.scope === 'recipient-domain')
      this.#parts.backlog.holdByWindow(pick.waiting, until, `waits for ${reason.limit} of ${reason.from}`);
    else this.#parts.picker.postpone(pick, until, reason.scope === 'sender-domain');
    this.#parts.alarms.arm();
    return true;
  }

  async #carry(lane: Lane, session: Session, pick: Pick, departure: Departure): Promise<void> {
    const departed = await this.#parts.departures.run(departure, session).catch((error: Error) => {
      session.cut();
      throw error;
    });
    this.#parts.backlog.place(pick.waiting.queue);
    if (departed.sent) lane.deadSites.delete(session.site);
    const alive =
      this.mayStay(lane, session) && this.#parts.running() && !lane.retired
        ? !departed.sent || !departed.result.needsReset || (await session.reset())
        : false;
    if (alive) session.rest(this.#ports.governor.laneLimits(lane.known).idleTimeout);
    else session.quit();
    this.served(lane);
  }

  /** The lane goes on, and so do those of its source that left it their turn. */
  served(lane: Lane): void {
    this.serve(lane);
    for (const other of this.#parts.choice.yielded(lane)) this.serve(other);
    this.#parts.alarms.arm();
  }

  /** A bug in one delivery ends that delivery, not the daemon: what it held stays in the spool and goes out after a restart. */
  guard(work: Promise<void>, lane: Lane): void {
    work.catch((error: Error) =>
      this.#ports.log.error({ lane: lane.key, error: error.stack ?? error.message }, 'a delivery ended by a bug'),
    );
  }

  #wait(lane: Lane, verdict: Wait): void {
    lane.waitUntil = verdict.until ?? Infinity;
    this.#parts.alarms.set(lane);
  }

  /** Is a connection still what the limits in force allow? */
  mayStay(lane: Lane, session: Session): boolean {
    const { governor, clock, settings } = this.#ports;
    return (
      session.isFrom(settings().sources.get(lane.source)) &&
      session.mayCarry(governor.laneLimits(lane.known)) &&
      !governor.shouldClose(lane.known, session.connection, clock.now())
    );
  }
}
