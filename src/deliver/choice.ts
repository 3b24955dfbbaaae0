/**
 * Who takes a message: late choice of source, at delivery time.
 *
 * Cold lanes come first: warm lanes leave them as many due recipients as the pool's cold lanes have slots within `cold-wait`,
 * `prefer` mail first; everything beyond overflows to warm lanes at once. Mail that must not warm goes through warm lanes
 * only (or through any when the pool has no warm source at all). Among warm lanes each carries its weight's share: the one
 * with the fewest messages per unit of weight goes first, and lanes that cannot send do not hold the others back.
 */
import type { Governor } from '../kernel/governor.js';
import type { RecipientState } from '../kernel/message.js';
import type { Pool, Settings, WarmUpWish } from '../kernel/settings.js';
import type { Instant, Ms } from '../kernel/units.js';
import { shareSlots, wholeSlots } from './cold-share.js';
import type { Lane } from './lane.js';
import type { Group } from './waiting.js';

/** Due recipients and slots are recounted after this long, and due recipients sooner when mail has come since. */
const RECOUNT: Ms = 250;
/** Ready queues looked through in a millisecond's worth of counting; a fiftieth of the time at most goes into it. */
const QUEUES_PER_MS = 50;
/** How far a warm lane may run ahead of the others' shares, messages of the one with the most weight. */
const AHEAD = 64;
/** How far a cold lane may fall behind and still catch up, as a part of its share. */
const CREDIT = 0.2;

export class Choice {
  readonly #governor: Governor;
  readonly #settings: () => Settings;
  readonly #groupsOf: (source: string) => Iterable<Group>;
  readonly #askAgain: (group: Group, at: Instant) => void;
  /** Lanes that left a turn to another, and to which. */
  readonly #yielded = new Map<Lane, Lane>();
  /** How far the passes of a cold source's lanes have come. */
  readonly #reached = new Map<string, number>();
  readonly #shared = new Map<string, { readonly until: Instant; readonly shares: ReadonlyMap<Group, number> }>();

  /** `askAgain`: a warm lane was refused on a count that mail may have outdated; its group is to be asked at that instant. */
  constructor(
    governor: Governor,
    settings: () => Settings,
    groupsOf: (source: string) => Iterable<Group>,
    askAgain: (group: Group, at: Instant) => void,
  ) {
    this.#governor = governor;
    this.#settings = settings;
    this.#groupsOf = groupsOf;
    this.#askAgain = askAgain;
  }

  /** Slots and pools changed: count again before the next choice. */
  forget(): void {
    this.#shared.clear();
  }

  /** Whose mail this lane looks at, in this order. */
  wishes(lane: Lane, group: Group): readonly WarmUpWish[] {
    if (this.#governor.isWarm(lane.source)) return ['never', 'allow', 'prefer'];
    return group.lanes.some(l => this.#governor.isWarm(l.source)) ? ['prefer', 'allow'] : ['prefer', 'allow', 'never'];
  }

  mayTake(lane: Lane, group: Group, wish: WarmUpWish, now: Instant): boolean {
    const weight = this.weight(lane.source, group.pool);
    if (weight <= 0) return false;
    if (!this.#governor.isWarm(lane.source)) return this.#itsTurn(lane, now);
    if (wish !== 'never' && this.#isReserved(group, wish, now)) return false;
    return this.#shareAllows(lane, group, weight, now);
  }

  took(lane: Lane, group: Group, wish: WarmUpWish, count: number): void {
    group.due[wish] = Math.max(0, group.due[wish] - count);
    const weight = this.weight(lane.source, group.pool);
    if (weight > 0) lane.share.set(group.pool, (lane.share.get(group.pool) ?? 0) + count / weight);
    if (this.#governor.isWarm(lane.source)) return;
    // A lane that had nothing to send has no credit for it, beyond a little.
    const reached = this.#reached.get(lane.source) ?? 0;
    const share = this.#shared.get(lane.source)?.shares.get(group) ?? 0;
    lane.pass = Math.max(lane.pass, reached - CREDIT) + count / Math.max(1, share);
    this.#reached.set(lane.source, Math.max(reached, lane.pass));
  }

  /** Lanes that left a turn to this one, or to another of its source; asked again once it has gone. */
  yielded(to: Lane): Lane[] {
    if (this.#yielded.size === 0) return [];
    const lanes = [...this.#yielded].filter(([lane, rival]) => rival === to || lane.source === to.source).map(([lane]) => lane);
    for (const lane of lanes) this.#yielded.delete(lane);
    return lanes;
  }

  /**
   * Is this recipient left to a lane of the family its provider prefers? To one as warm as this, that no limit holds and that
   * is connected to the site or may be: a preference waits for a busy connection and for nothing else, and the warm-up of an
   * address comes before it.
   */
  leaves(lane: Lane, group: Group, site: string, { stick, avoid }: RecipientState, now: Instant): boolean {
    if (group.prefers === undefined || lane.family === group.prefers) return false;
    if (stick && stick.until > now && stick.source === lane.source) return false;
    const warm = this.#governor.isWarm(lane.source);
    const rival = group.lanes.find(
      l =>
        l.family === group.prefers &&
        !l.retired &&
        !l.blocked(now) &&
        avoid !== l.source &&
        this.#governor.isWarm(l.source) === warm &&
        this.weight(l.source, group.pool) > 0 &&
        (l.isAt(site) || (l.connectAfter <= now && !l.siteRests(site, now))),
    );
    if (rival) this.#yielded.set(lane, rival);
    return rival !== undefined;
  }

  weight(source: string, pool: string): number {
    return (
      this.#settings()
        .pools.get(pool)
        ?.sources.find(s => s.source === source)?.weight ?? 0
    );
  }

  pool(name: string): Pool | undefined {
    return this.#settings().pools.get(name);
  }

  #isReserved(group: Group, wish: WarmUpWish, now: Instant): boolean {
    if (!this.reserved(group, wish, now)) return false;
    if (group.dueStale) this.#askAgain(group, this.#recountAt(group));
    return true;
  }

  /** Do cold lanes have slots for all that is due of this wish? Warm lanes then leave it to them. */
  reserved(group: Group, wish: WarmUpWish, now: Instant): boolean {
    const slots = this.#slots(group, now);
    // Without cold slots nothing is reserved, however old the count of what is due.
    if (slots === 0) return false;
    const due = this.#due(group, now);
    return (wish === 'prefer' ? slots : slots - due.prefer) >= due[wish];
  }

  #slots(group: Group, now: Instant): number {
    let slots = 0;
    for (const lane of group.lanes) {
      if (lane.retired || this.weight(lane.source, group.pool) <= 0 || this.#governor.isWarm(lane.source)) continue;
      slots += this.#shares(lane.source, group, now).get(group) ?? 0;
    }
    return slots;
  }

  /** What each group may count on of a cold source; `asker` has a share as soon as it has mail. */
  #shares(source: string, asker: Group, now: Instant): ReadonlyMap<Group, number> {
    const known = this.#shared.get(source);
    if (known && now < known.until && (known.shares.has(asker) || this.#warmable(asker, now) === 0)) return known.shares;
    const groups = [...this.#groupsOf(source)].filter(g => this.#warmable(g, now) > 0);
    const claims = groups.map(group => ({
      slots: this.#governor.coldSlots({ source, provider: group.provider }, this.pool(group.pool)?.coldWait ?? 0, now),
      due: this.#warmable(group, now),
    }));
    const slots = wholeSlots(shareSlots(claims));
    const shares = new Map(groups.map((group, i) => [group, slots[i] ?? 0]));
    // With many destinations the count costs more than it is worth four times a second.
    this.#shared.set(source, { until: now + Math.max(RECOUNT, groups.length), shares });
    return shares;
  }

  /** A cold source's next message belongs to the lane that is furthest behind, if that one is about to take it. */
  #itsTurn(lane: Lane, now: Instant): boolean {
    for (const other of this.#groupsOf(lane.source)) {
      const rival = other.lanes.find(l => l.source === lane.source);
      if (!rival || rival === lane || rival.retired || rival.pass >= lane.pass) continue;
      if (rival.blocked(now) || rival.connectAfter > now || this.#warmable(other, now) === 0) continue;
      if (!rival.anyIdle() && rival.openingCount() === 0) continue;
      this.#yielded.set(lane, rival);
      return false;
    }
    return true;
  }

  #warmable(group: Group, now: Instant): number {
    const due = this.#due(group, now);
    return due.prefer + due.allow;
  }

  #due(group: Group, now: Instant): Record<WarmUpWish, number> {
    if (group.dueAsOf >= 0 && now < this.#recountAt(group)) return group.due;
    const due = { prefer: 0, allow: 0, never: 0 };
    let queues = 0;
    for (const site of group.sites.values()) {
      for (const wish of ['prefer', 'allow', 'never'] as const) {
        queues += site.rings[wish].size;
        for (const waiting of site.rings[wish]) due[wish] += waiting.queue.dueCountUpTo(now);
      }
    }
    group.due = due;
    group.dueAsOf = now;
    group.dueQueues = queues;
    group.dueStale = false;
    return due;
  }

  /** The next count is not before then. */
  #recountAt(group: Group): Instant {
    return group.dueAsOf + (group.dueStale ? Math.min(RECOUNT, Math.max(1, group.dueQueues / QUEUES_PER_MS)) : RECOUNT);
  }

  #shareAllows(lane: Lane, group: Group, weight: number, now: Instant): boolean {
    let least = Infinity;
    let heaviest = weight;
    for (const other of group.lanes) {
      if (other === lane || other.retired || other.blocked(now) || other.sessions.size === 0 || !this.#governor.isWarm(other.source))
        continue;
      // Where one family goes first, shares are kept within each.
      if (group.prefers !== undefined && other.family !== lane.family) continue;
      const its = this.weight(other.source, group.pool);
      if (its <= 0) continue;
      heaviest = Math.max(heaviest, its);
      least = Math.min(least, other.share.get(group.pool) ?? 0);
    }
    if (least === Infinity) return true;
    const mine = lane.share.get(group.pool) ?? 0;
    // A lane that could not send for a while takes up at the others' level, not at its old one.
    const ahead = AHEAD / heaviest;
    if (mine < least - 2 * ahead) lane.share.set(group.pool, least);
    return mine <= least + ahead;
  }
}
