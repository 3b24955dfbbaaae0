/**
 * Where each queue stands: waiting for its head to be due, for its route, in a ring of its site, or stuck (see waiting.ts).
 *
 * One heap holds all queues that wait for an instant. Routes are looked up when a head is due, a bounded number at a time,
 * and kept until they expire. Tells the dispatcher which group has something ready; decides nothing about lanes.
 */
import type { Clock } from '../kernel/clock.js';
import type { Queue } from '../kernel/queue.js';
import type { Reason } from '../kernel/verdict.js';
import type { Settings } from '../kernel/settings.js';
import { MINUTE } from '../kernel/units.js';
import type { Route, Router } from '../route/router.js';
import { TimeHeap } from './heap.js';
import { outOfReach } from './reach.js';
import { Resolving } from './resolving.js';
import { Group, Site, Waiting, siteKey } from './waiting.js';

export interface BacklogHooks {
  /** The group has something ready that it did not have before. */
  ready(group: Group): void;
  /** The domain can never be delivered to: its due recipients are to be bounced. */
  undeliverable(waiting: Waiting, route: Extract<Route, { kind: 'null-mx' | 'no-domain' }>): void;
  /** The domain cannot be looked up now, or no source reaches it: its expired recipients are to be bounced. */
  unresolved(waiting: Waiting): void;
  /** A new group: give it its lanes. */
  opened(group: Group): void;
}

export interface BacklogPorts {
  readonly clock: Clock;
  readonly router: Pick<Router, 'resolve' | 'peek' | 'askAgain'>;
  readonly settings: () => Settings;
  readonly paused: (queue: Queue) => Reason | undefined;
}

export class Backlog {
  readonly waiting = new Map<number, Waiting>();
  readonly groups = new Map<string, Group>();
  readonly heap = new TimeHeap<Waiting>();
  readonly #ports: BacklogPorts;
  readonly #hooks: BacklogHooks;
  readonly #resolving: Resolving;
  /** Held by a window on their domain, which may be lifted. */
  readonly #windowed = new Set<Waiting>();

  constructor(ports: BacklogPorts, hooks: BacklogHooks) {
    this.#ports = ports;
    this.#hooks = hooks;
    this.#resolving = new Resolving(ports.router, ports.clock, (waiting, route) => this.#found(waiting, route));
  }

  /** A queue's head changed, or it may stand elsewhere now. Cheap when it need not move. */
  place(queue: Queue): void {
    let waiting = this.waiting.get(queue.id);
    if (!waiting) this.waiting.set(queue.id, (waiting = new Waiting(queue)));
    if (waiting.place === 'resolving') return;
    const now = this.#ports.clock.now();
    const due = queue.nextDue;
    if (due === null) {
      this.#leave(waiting);
      waiting.place = 'idle';
      if (queue.waiting === 0) this.waiting.delete(queue.id);
      return;
    }
    if (waiting.place === 'ready' && waiting.site && due <= now && waiting.route && waiting.route.expires > now) {
      waiting.site.group.dueStale = true;
      this.#hooks.ready(waiting.site.group);
      return;
    }
    const at = Math.max(due, waiting.holdUntil);
    if (at > now) {
      this.#leave(waiting);
      waiting.place = 'scheduled';
      this.heap.set(waiting, at);
      return;
    }
    const stuck = this.#stuck(waiting);
    waiting.note = stuck;
    if (stuck) {
      this.#leave(waiting);
      waiting.place = 'stuck';
      return;
    }
    this.#leave(waiting);
    const route = this.#ports.router.peek(queue.domain);
    if (route) this.#routed(waiting, route);
    else {
      waiting.place = 'resolving';
      this.#resolving.look(waiting);
    }
  }

  /** Queues whose instant has come find their place. */
  wake(): void {
    const now = this.#ports.clock.now();
    for (let waiting = this.heap.popDue(now); waiting; waiting = this.heap.popDue(now)) {
      waiting.place = 'idle';
      this.place(waiting.queue);
    }
  }

  /** Forgets queues and groups in which nothing waits; returns the groups that are gone. */
  prune(): Group[] {
    for (const [id, { place, queue }] of this.waiting) if (place === 'idle' && queue.waiting === 0) this.waiting.delete(id);
    const gone: Group[] = [];
    for (const [key, group] of this.groups) {
      if (group.sites.size > 0 || group.waking) continue;
      this.groups.delete(key);
      gone.push(group);
    }
    return gone;
  }

  /** After a reload, a pause or a resume: everything is placed anew. */
  replaceAll(): void {
    for (const waiting of [...this.waiting.values()]) {
      if (waiting.place === 'resolving') continue;
      this.#leave(waiting);
      waiting.place = 'idle';
      waiting.holdUntil = 0;
      this.place(waiting.queue);
    }
  }

  /** Looks for a route at once. True when due mail of the queue was kept back until then. */
  lookAgain(id: number): boolean {
    const waiting = this.waiting.get(id);
    if (!waiting || waiting.holdUntil <= this.#ports.clock.now()) return false;
    this.#ports.router.askAgain(waiting.queue.domain);
    waiting.holdUntil = 0;
    this.place(waiting.queue);
    return true;
  }

  /** Not before then, whatever is due. */
  hold(waiting: Waiting, until: number, note?: string): void {
    waiting.holdUntil = until;
    if (note !== undefined) waiting.note = note;
    if (waiting.place === 'resolving') return;
    this.#leave(waiting);
    waiting.place = 'idle';
    this.place(waiting.queue);
  }

  /** The same for a window on the queue's domain: until then, or until limits of its provider change. */
  holdByWindow(waiting: Waiting, until: number, note: string): void {
    this.#windowed.add(waiting);
    this.hold(waiting, until, note);
  }

  /** Limits of a provider, or of all, have changed: its windows are to be asked again. */
  askWindows(provider?: string): void {
    const now = this.#ports.clock.now();
    for (const waiting of this.#windowed) {
      if (provider !== undefined && waiting.provider !== provider) continue;
      this.#windowed.delete(waiting);
      if (waiting.holdUntil <= now || waiting.place !== 'scheduled') continue;
      waiting.holdUntil = 0;
      this.place(waiting.queue);
    }
  }

  #stuck(waiting: Waiting): string | undefined {
    const { pool } = waiting.queue;
    const known = this.#ports.settings().pools.get(pool);
    if (!known) return `pool ${pool} is not configured any more: its mail is kept; add the pool, or delete the queue`;
    if (known.sources.every(s => s.weight <= 0)) return `pool ${pool} has no source that may send: its mail is kept`;
    const paused = this.#ports.paused(waiting.queue);
    if (!paused) return undefined;
    return paused.scope === 'recipient-domain' ? `paused by ${paused.from}` : `job ${waiting.queue.job} paused by ${paused.from}`;
  }

  #found(waiting: Waiting, route: Route): void {
    waiting.place = 'idle';
    const due = waiting.queue.nextDue;
    if (due === null || due > this.#ports.clock.now() || this.#stuck(waiting)) this.place(waiting.queue);
    else this.#routed(waiting, route);
  }

  #routed(waiting: Waiting, route: Route): void {
    const now = this.#ports.clock.now();
    if (route.kind === 'temporary') {
      // Longer each time, so that a dead domain costs little; capped at an hour.
      const pause = Math.min(60 * MINUTE, 5 * MINUTE * 2 ** Math.min(waiting.failures, 4));
      waiting.failures++;
      this.hold(waiting, Math.max(route.retryAt, now + pause), `no route yet: ${route.text}`);
      this.#hooks.unresolved(waiting);
      return;
    }
    waiting.failures = 0;
    if (route.kind !== 'hosts') {
      waiting.note = route.text;
      // Bounced by the hook; what is not due yet comes here again.
      this.#hooks.undeliverable(waiting, route);
      return;
    }
    waiting.provider = route.provider;
    waiting.route = route;
    const unreached = outOfReach(waiting.queue.pool, route, this.#ports.settings());
    if (unreached !== undefined) {
      this.hold(waiting, route.expires, unreached);
      this.#hooks.unresolved(waiting);
      return;
    }
    waiting.note = undefined;
    const group = this.#group(waiting.queue.pool, route);
    const site = this.#site(group, route);
    waiting.site = site;
    waiting.place = 'ready';
    site.rings[waiting.queue.warmUp].add(waiting);
    if (waiting.queue.priority !== 'normal') group.uncommon++;
    group.dueAsOf = -1;
    this.#hooks.ready(group);
  }

  #group(pool: string, { provider, families }: Extract<Route, { kind: 'hosts' }>): Group {
    const key = `${pool}\n${provider}\n${families?.join('') ?? ''}`;
    let group = this.groups.get(key);
    if (!group) {
      group = new Group(pool, provider, families);
      this.groups.set(key, group);
      this.#hooks.opened(group);
    }
    return group;
  }

  #site(group: Group, route: Extract<Route, { kind: 'hosts' }>): Site {
    const key = siteKey(route.hosts);
    let site = group.sites.get(key);
    if (!site) group.sites.set(key, (site = new Site(key, group, route.hosts)));
    site.hosts = route.hosts;
    return site;
  }

  #leave(waiting: Waiting): void {
    if (waiting.place === 'scheduled') this.heap.remove(waiting);
    if (waiting.place === 'ready' && waiting.site) {
      const { site } = waiting;
      site.rings[waiting.queue.warmUp].delete(waiting);
      if (waiting.queue.priority !== 'normal') site.group.uncommon--;
      site.group.dueAsOf = -1;
      if (site.ready === 0) site.group.sites.delete(site.key);
      waiting.site = undefined;
    }
  }
}
