/**
 * Picks the next recipient a lane may carry on a connection to a site: queues take turns, sticky and avoided sources are
 * honoured, recipients whose time is over are put aside, other recipients of the same message come along. Mail that a window
 * on its sender or recipient holds is passed over, and put behind the rest of its queue where that would not be reached.
 */
import type { Queue } from '../kernel/queue.js';
import { MINUTE, type Instant, type Ms } from '../kernel/units.js';
import { domainOf, type QueuedRecipient } from '../kernel/message.js';
import { PRIORITIES, type WarmUpWish } from '../kernel/settings.js';
import type { Backlog } from './backlog.js';
import type { Choice } from './choice.js';
import type { Lane } from './lane.js';
import type { Lanes } from './lanes.js';
import { type Ring, type Urgency, urgentFirst } from './ring.js';
import type { Session } from './session.js';
import { type Group, type Site, type Waiting, fits } from './waiting.js';

/** How deep a queue is searched for mail that fits a lane when its head does not. */
const DEEP = 64;
/** How many queues of a ring are tried in one go. */
const WIDE = 16;
/** Held mail that was put behind comes back after this long at the latest: the window may have been lifted. */
const ASIDE: Ms = 10 * MINUTE;

export interface Pick {
  readonly waiting: Waiting;
  readonly group: Group;
  readonly wish: WarmUpWish;
  readonly row: QueuedRecipient;
}

export interface PickerHooks {
  /** Is the head's time over? It is then being bounced. */
  expired(queue: Queue): boolean;
  /** These are to be due then: nothing else of their queue can be seen before them. */
  aside(queue: Queue, rows: readonly { readonly row: QueuedRecipient; readonly due: Instant }[]): void;
}

export class Picker {
  readonly #backlog: Backlog;
  readonly #choice: Choice;
  readonly #lanes: Lanes;
  readonly #hooks: PickerHooks;
  /** Recipients held back by a window on their sender domain or on themselves, until when. */
  #postponed = new WeakMap<QueuedRecipient, Instant>();

  constructor(backlog: Backlog, choice: Choice, lanes: Lanes, hooks: PickerHooks) {
    this.#backlog = backlog;
    this.#choice = choice;
    this.#lanes = lanes;
    this.#hooks = hooks;
  }

  pick(lane: Lane, siteKey: string, now: Instant): Pick | undefined {
    for (const group of lane.groups) {
      const site = group.sites.get(siteKey);
      if (!site) continue;
      for (const wish of this.#choice.wishes(lane, group)) {
        const ring = site.rings[wish];
        if (ring.size === 0 || !this.#choice.mayTake(lane, group, wish, now)) continue;
        const pick = this.#fromRing(lane, group, siteKey, wish, ring, now);
        if (pick) return pick;
      }
    }
    return undefined;
  }

  /** Sites at which this lane would find something. */
  *sitesWithWork(lane: Lane, now: Instant): Iterable<Site> {
    for (const group of lane.groups) {
      const sites = [...group.sites.values()];
      for (const site of group.uncommon > 0 ? urgentFirst(sites, s => s.urgency, lane.taken) : sites) {
        const open = this.#choice
          .wishes(lane, group)
          .some(wish => site.rings[wish].size > 0 && this.#choice.mayTake(lane, group, wish, now));
        if (open && this.pick(lane, site.key, now)) yield site;
      }
    }
  }

  /** The lane's connections, in the order in which they are to have work. */
  connections(lane: Lane): Iterable<Session> {
    const uncommon = [...lane.groups].filter(group => group.uncommon > 0);
    if (uncommon.length === 0) return lane.sessions;
    const urgency = ({ site }: Session): Urgency => Math.min(...[...lane.groups].map(g => g.sites.get(site)?.urgency ?? PRIORITIES.length));
    return urgentFirst(lane.sessions, urgency, lane.taken);
  }

  /** Due messages at a site, counted no further than `enough`: recipients of one leave together. */
  dueAt(site: Site, enough: number, now: Instant): number {
    let n = 0;
    for (const wish of ['prefer', 'allow', 'never'] as const) {
      for (const waiting of site.rings[wish]) {
        n += dueMessages(waiting.queue, enough, now);
        if (n >= enough) return n;
      }
    }
    return n;
  }

  /** The picked recipient and those that are of the same message, due no later, and may leave by this lane too. */
  together({ row: picked, waiting, group }: Pick, lane: Lane, site: string, now: Instant, most: number): QueuedRecipient[] {
    const rows = [picked];
    if (most <= 1) return rows;
    // In due order they stand right behind it: most messages have no second one, and two rows show that.
    const [head, next] = waiting.queue.peek(2);
    if (head === picked && next?.message !== picked.message) return rows;
    for (const row of waiting.queue.peek(Math.min(most, DEEP) + 1)) {
      if (rows.length >= most) break;
      if (row === picked || row.message !== picked.message || row.due > picked.due) continue;
      if (this.#isFit(row, lane, group, site, now)) rows.push(row);
    }
    return rows;
  }

  /** After rows were taken: shares are kept, and the queue goes to the end of its ring. */
  took(lane: Lane, pick: Pick, count: number): void {
    this.#choice.took(lane, pick.group, pick.wish, count);
    lane.taken++;
    pick.waiting.site?.rings[pick.wish].took(pick.waiting);
    this.#backlog.place(pick.waiting.queue);
  }

  /** A window holds the picked recipient; `sender`: and whatever else comes from its sender's domain. */
  postpone({ row, waiting }: Pick, until: Instant, sender: boolean): void {
    this.#postponed.set(row, until);
    if (!sender) return;
    const domain = domainOf(row.sender);
    for (const other of waiting.queue.peek(DEEP)) if (domainOf(other.sender) === domain) this.#postponed.set(other, until);
  }

  #fromRing(lane: Lane, group: Group, site: string, wish: WarmUpWish, ring: Ring, now: Instant): Pick | undefined {
    let tries = 0;
    for (const waiting of ring) {
      if (tries++ >= WIDE) return undefined;
      const { queue } = waiting;
      if (queue.nextDue === null || queue.nextDue > now || !waiting.route || waiting.route.expires <= now || this.#hooks.expired(queue)) {
        this.#backlog.place(queue);
        continue;
      }
      const row = this.#fitting(lane, group, site, queue, now);
      if (row) return { waiting, group, wish, row };
      this.#putBehind(queue, now);
    }
    return undefined;
  }

  #fitting(lane: Lane, group: Group, site: string, queue: Queue, now: Instant): QueuedRecipient | undefined {
    const head = queue.peek(1)[0];
    if (!head || this.#isFit(head, lane, group, site, now)) return head;
    return queue.peek(DEEP).find(row => this.#isFit(row, lane, group, site, now));
  }

  /** Windows may have been lifted: whoever is held is asked about again. */
  forget(): void {
    this.#postponed = new WeakMap();
  }

  #putBehind(queue: Queue, now: Instant): void {
    const rows = queue.peek(DEEP);
    if (rows.length < DEEP) return;
    const held = rows.flatMap(row => {
      const until = this.#postponed.get(row) ?? 0;
      return until > now ? [{ row, due: Math.min(until, now + ASIDE) }] : [];
    });
    if (held.length > 0) this.#hooks.aside(queue, held);
  }

  #isFit(row: QueuedRecipient, lane: Lane, group: Group, site: string, now: Instant): boolean {
    if (row.due > now || (this.#postponed.get(row) ?? 0) > now) return false;
    if (group.prefers !== undefined && this.#choice.leaves(lane, group, site, row.state, now)) return false;
    const { stick, avoid } = row.state;
    if (!stick && !avoid) return true;
    const othersCan = (): boolean =>
      group.lanes.some(l => l !== lane && !l.retired && !l.blocked(now) && this.#choice.weight(l.source, group.pool) > 0);
    const inPool = (source: string): boolean =>
      group.lanes.some(l => l.source === source && !l.retired && this.#lanes.get(source, group.provider) !== undefined);
    return fits(row, lane.source, avoid === lane.source && othersCan(), now, inPool);
  }
}

/** As far as it is looked into: a queue is not counted through for its connections. */
function dueMessages(queue: Queue, enough: number, now: Instant): number {
  const count = (rows: readonly QueuedRecipient[]): number =>
    rows.filter((row, i) => row.due <= now && row.message !== rows[i - 1]?.message).length;
  const rows = queue.peek(enough);
  const n = count(rows);
  // Most messages have one recipient, and these were enough; else those of the first may hide the next.
  return n < enough && (rows[enough - 1]?.due ?? Infinity) <= now ? count(queue.peek(DEEP)) : n;
}
