/**
 * A lane's hands: its connections, open, opening and idle, and when it is to be asked again.
 */
import { type KnownLane, type LaneName, printLane } from '../kernel/verdict.js';
import type { Family } from '../route/families.js';
import { HOUR, SECOND, type Instant } from '../kernel/units.js';
import type { Scheduled } from './heap.js';
import type { Session } from './session.js';
import type { Group } from './waiting.js';

export class Lane implements Scheduled {
  heapIndex = -1;
  heapAt: Instant = 0;
  readonly key: string;
  readonly groups = new Set<Group>();
  readonly sessions = new Set<Session>();
  /** Connections being opened, by site. */
  readonly opening = new Map<string, number>();
  /** The last verdict said wait until then; Infinity when only an event can end it. */
  waitUntil: Instant = 0;
  /** The same for new connections. */
  connectAfter: Instant = 0;
  /** Sites that could not be reached, when to try again, and why, '' once one was connected to: one dead site must not keep a lane busy, nor close it. */
  readonly deadSites = new Map<string, { readonly failures: number; readonly until: Instant; readonly reply: string }>();
  /** Messages carried per unit of weight, for each pool: the smallest goes first. */
  readonly share = new Map<string, number>();
  /** Messages carried per slot assigned, while cold: the lane of a source that is furthest behind goes first. */
  pass = 0;
  /** Messages carried. */
  taken = 0;
  /** Of its source's address. */
  family: Family = 4;
  /** Its source was removed by a reload: no new work. */
  retired = false;

  /** `known`: by which the governor finds the lane; everybody else goes by the name. */
  constructor(
    readonly name: LaneName,
    readonly known: LaneName | KnownLane = name,
  ) {
    this.key = printLane(name);
  }

  get source(): string {
    return this.name.source;
  }

  idleFor(site: string): Session | undefined {
    for (const session of this.sessions) if (session.state === 'idle' && session.site === site) return session;
    return undefined;
  }

  /** Connected to the site, or about to be. */
  isAt(site: string): boolean {
    if ((this.opening.get(site) ?? 0) > 0) return true;
    for (const { site: its, state } of this.sessions) if (its === site && (state === 'idle' || state === 'busy')) return true;
    return false;
  }

  /** Is one of its connections about to be closed? */
  get isLeaving(): boolean {
    for (const session of this.sessions) if (session.state === 'leaving') return true;
    return false;
  }

  anyIdle(): Session | undefined {
    for (const session of this.sessions) if (session.state === 'idle') return session;
    return undefined;
  }

  openingCount(): number {
    let n = 0;
    for (const count of this.opening.values()) n += count;
    return n;
  }

  /** A connection to the site failed: the next attempt waits 15 s, then four times, nine times that, at most an hour. */
  siteFailed(site: string, reply: string, now: Instant): void {
    const failures = (this.deadSites.get(site)?.failures ?? 0) + 1;
    this.deadSites.set(site, { failures, until: now + Math.min(HOUR, 15 * SECOND * failures ** 2), reply });
  }

  /** A connection to the site stands: nothing is wrong there, as far as is known; what failed before counts until mail has gone. */
  siteConnected(site: string, now: Instant): void {
    const dead = this.deadSites.get(site);
    if (dead) this.deadSites.set(site, { ...dead, until: Math.min(dead.until, now), reply: '' });
  }

  /** Forgets sites that nobody has asked for in a long time. */
  forgetSites(now: Instant): void {
    for (const [site, { until }] of this.deadSites) if (until < now - HOUR) this.deadSites.delete(site);
  }

  siteRests(site: string, now: Instant): boolean {
    return (this.deadSites.get(site)?.until ?? 0) > now;
  }

  /** The next instant at which it is worth asking again; Infinity when only an event can change anything. */
  nextAsk(now: Instant): Instant {
    let at = Math.min(this.waitUntil > now ? this.waitUntil : Infinity, this.connectAfter > now ? this.connectAfter : Infinity);
    for (const { until } of this.deadSites.values()) if (until > now) at = Math.min(at, until);
    return at;
  }

  blocked(now: Instant): boolean {
    return this.waitUntil > now;
  }
}
