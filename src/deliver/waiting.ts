/**
 * Queues as delivery sees them: each stands in exactly one place.
 *
 * - idle: nothing waits in it
 * - scheduled: its head is due later, or it is held until an instant; it stands in the heap
 * - resolving: its domain's route is being looked up
 * - ready: its head is due and routed; it stands in a ring of its site
 * - stuck: paused by a person, or its pool is gone; only an event ends that
 *
 * A site is the MX set of a domain, and what the domain demands of TLS there: connections are opened to a site and carry only
 * its domains, so none of a domain under an enforced policy leaves over one that was not verified. A group is pool x provider
 * x the address families of the hosts: the sites one lane of that pool and provider may serve, if its source reaches them.
 */
import type { Queue } from '../kernel/queue.js';
import type { Instant } from '../kernel/units.js';
import type { WarmUpWish } from '../kernel/settings.js';
import type { QueuedRecipient } from '../kernel/message.js';
import type { Family } from '../route/families.js';
import type { MxHost, Route } from '../route/router.js';
import type { Scheduled } from './heap.js';
import type { Lane } from './lane.js';
import { Ring, type Urgency } from './ring.js';

export class Waiting implements Scheduled {
  heapIndex = -1;
  heapAt: Instant = 0;
  place: 'idle' | 'scheduled' | 'resolving' | 'ready' | 'stuck' = 'idle';
  route: Extract<Route, { kind: 'hosts' }> | undefined;
  site: Site | undefined;
  /** The provider of its last route, for people. */
  provider: string | undefined;
  /** Held until then: no route, or a window on its recipient domain. */
  holdUntil: Instant = 0;
  /** Lookups that failed in a row. */
  failures = 0;
  /** Why nothing leaves, when the queue itself is the cause. */
  note: string | undefined;

  constructor(readonly queue: Queue) {}

  /** What keeps its mail from leaving, as far as the queue and its MX hosts are the cause. */
  get trouble(): string | undefined {
    if (this.note !== undefined || !this.site) return this.note;
    const { key, group } = this.site;
    return group.lanes.map(lane => lane.deadSites.get(key)?.reply).find(reply => reply !== undefined && reply !== '');
  }
}

/** Ready queues of one MX set within a group, one ring for each warm-up wish. */
export class Site {
  readonly rings: Record<WarmUpWish, Ring> = { prefer: new Ring(), allow: new Ring(), never: new Ring() };

  constructor(
    readonly key: string,
    readonly group: Group,
    public hosts: readonly MxHost[],
  ) {}

  get urgency(): Urgency {
    return Math.min(this.rings.prefer.urgency, this.rings.allow.urgency, this.rings.never.urgency);
  }

  get ready(): number {
    return this.rings.prefer.size + this.rings.allow.size + this.rings.never.size;
  }
}

export class Group {
  readonly sites = new Map<string, Site>();
  lanes: readonly Lane[] = [];
  /** Due recipients by wish, recounted now and then; see choice.ts. */
  due: Record<WarmUpWish, number> = { prefer: 0, allow: 0, never: 0 };
  dueAsOf: Instant = -1;
  /** Ready queues of another priority than normal: without any, nobody has to be put in order. */
  uncommon = 0;
  /** Mail may have come since. */
  dueStale = false;
  /** Ready queues the count looked through. */
  dueQueues = 0;
  /** Its lanes are to be asked once the count may be made again. */
  asking = false;
  /** Its lanes are about to be asked. */
  waking = false;

  /** Lanes of this family go first. */
  prefers: Family | undefined;

  constructor(
    readonly pool: string,
    readonly provider: string,
    /** Those of its sites' hosts; undefined: any. */
    readonly families?: readonly Family[],
  ) {}
}

export const siteKey = (hosts: readonly MxHost[]): string =>
  hosts
    .map(h => `${h.name}:${h.port}${h.demand ? `#${h.demand.key}` : ''}`)
    .sort()
    .join(',');

/** May this lane take this recipient now? Sticky mail only its source; avoided sources only when no other lane can. */
export function fits(row: QueuedRecipient, source: string, othersCan: boolean, now: Instant, inPool: (source: string) => boolean): boolean {
  const { stick, avoid } = row.state;
  if (stick && stick.until > now && stick.source !== source && inPool(stick.source)) return false;
  if (avoid === source && othersCan && !(stick && stick.source === source)) return false;
  return true;
}
