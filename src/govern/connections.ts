/**
 * Connections: reserved when the verdict says go, open or failed later, gone in the end. They count on the lane, its source
 * and the daemon; which of them close when a limit falls is decided by age, the youngest first.
 */
import type { ConnectVerdict } from '../kernel/governor.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Instant } from '../kernel/units.js';
import type { Account } from './account.js';
import type { Core } from './core.js';
import type { Feedback } from './feedback.js';
import { Concurrency } from './concurrency.js';
import type { Lane } from './floor.js';
import { waitUntil } from './judge.js';

interface Connection {
  readonly lane: Lane;
  readonly began: Instant;
  open: boolean;
}

export class Connections {
  readonly #core: Core;
  readonly #feedback: Feedback;
  /** In order of age. */
  readonly #all = new Map<number, Connection>();
  #next = 1;

  constructor(core: Core, feedback: Feedback) {
    this.#core = core;
    this.#feedback = feedback;
  }

  ask(lane: Lane, now: Instant): ConnectVerdict {
    const { judge, floor } = this.#core;
    const at = judge.connectionAt(lane, now, undefined, true);
    if (at > now) return waitUntil(at, now, sink => void judge.connectionAt(lane, now, sink));
    floor.keep(lane);
    lane.concurrency ??= new Concurrency();
    lane.newest = now;
    for (const account of this.#accounts(lane)) account.open();
    const connection = this.#next++;
    this.#all.set(connection, { lane, began: now, open: false });
    return { go: true, connection };
  }

  connected(id: number, now: Instant): void {
    const connection = this.#all.get(id);
    if (!connection || connection.open) return;
    this.#answered(connection, now);
    connection.lane.concurrency?.connected();
    this.#core.released(connection.lane);
  }

  failed(id: number, match: ReplyMatch, hosts: number, now: Instant): void {
    const connection = this.#all.get(id);
    if (!connection) return;
    this.#gone(id, connection, now);
    this.#feedback.connectFailed(connection.lane, match, hosts, connection.began, now);
    this.#core.released(connection.lane);
  }

  disconnected(id: number, now: Instant): void {
    const connection = this.#all.get(id);
    if (!connection) return;
    this.#gone(id, connection, now);
    this.#core.released(connection.lane);
  }

  shouldClose(lane: Lane, id: number, now: Instant): boolean {
    const { compiler, floor } = this.#core;
    if (!this.#all.has(id)) return false;
    const plan = compiler.lane(lane, now).plan;
    const source = compiler.source(lane.source, now);
    const total = compiler.total(now);
    if (plan.stopped || source.stopped || (lane.concurrency?.closedUntil ?? -Infinity) > now) return true;
    const most = Math.min(plan.outNow, lane.concurrency?.limit ?? Infinity);
    return (
      this.#above(lane.account, most, id, c => c.lane === lane) ||
      this.#above(lane.source.account, source.outNow, id, c => c.lane.source === lane.source) ||
      this.#above(floor.total, total.outNow, id, () => true)
    );
  }

  /** Does this connection stand beyond the `most` oldest of its account? */
  #above(account: Account, most: number, id: number, counts: (connection: Connection) => boolean): boolean {
    if (account.connections <= most) return false;
    let older = 0;
    for (const [other, connection] of this.#all) {
      if (other === id) break;
      if (counts(connection)) older++;
    }
    return older >= most;
  }

  #answered(connection: Connection, now: Instant): void {
    connection.open = true;
    for (const account of this.#accounts(connection.lane)) account.opened(now);
  }

  #gone(id: number, connection: Connection, now: Instant): void {
    if (!connection.open) this.#answered(connection, now);
    this.#all.delete(id);
    for (const account of this.#accounts(connection.lane)) account.connections--;
  }

  #accounts(lane: Lane): readonly Account[] {
    return [lane.account, lane.source.account, this.#core.floor.total];
  }
}
