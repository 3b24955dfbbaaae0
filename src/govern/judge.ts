/**
 * The verdict on one lane: the lane, its source, the daemon and the domains under a window are asked in turn; the fewest
 * free slots win, the latest instant binds, all reasons are kept.
 *
 * Reads plans and accounts, changes nothing but the mark of who is waited for.
 */
import type { Quote, Reason, Wait } from '../kernel/verdict.js';
import type { Instant } from '../kernel/units.js';
import type { Compiler } from './compile.js';
import type { Account } from './account.js';
import type { Floor, Lane } from './floor.js';
import { connectionAt, type Day, type Plan, type Sink, slotsAt, slotsFree, transactionAt } from './plan.js';
import type { Ramp } from './ramp.js';
import type { Subject } from './subjects.js';

interface Level {
  readonly plan: Plan;
  readonly account: Account;
  readonly day: Day | undefined;
}

export class Judge {
  readonly #floor: Floor;
  readonly #compiler: Compiler;
  readonly #ramp: Ramp;

  constructor(floor: Floor, compiler: Compiler, ramp: Ramp) {
    this.#floor = floor;
    this.#compiler = compiler;
    this.#ramp = ramp;
  }

  /** Slots free now, at most `wanted`. */
  free(lane: Lane, subjects: readonly Subject[], wanted: number, now: Instant): number {
    const { plan, limits } = this.#compiler.lane(lane, now);
    let n = slotsFree(plan, lane.account, Math.min(wanted, limits.maxRcptPerMessage), this.#day(plan, lane, lane.provider, now), now);
    if (n <= 0) return 0;
    const source = this.#compiler.source(lane.source, now);
    n = slotsFree(source, lane.source.account, n, this.#day(source, lane, undefined, now), now);
    if (n <= 0) return 0;
    n = slotsFree(this.#compiler.total(now), this.#floor.total, n, undefined, now);
    for (let i = 0; i < subjects.length && n > 0; i++) {
      const subject = subjects[i] as Subject;
      n = slotsFree(subject.plan, subject.account, n, undefined, now);
    }
    return n;
  }

  /** When the next transaction may leave, were nothing else to happen; at most `now` when it may. */
  departureAt(lane: Lane, subjects: readonly Subject[], now: Instant, sink?: Sink, mark = false): Instant {
    let latest = -Infinity;
    const ask = ({ plan, account, day }: Level): void => {
      const at = Math.max(slotsAt(plan, account, 1, day, now, sink), transactionAt(plan, account, now, sink));
      // A window's maximum ends by itself, perhaps in hours; a transaction that ends frees its place long before.
      if (mark && (at === Infinity || account.permits >= plan.outNow)) account.awaited = true;
      latest = Math.max(latest, at);
    };
    for (const level of this.#levels(lane, now)) ask(level);
    for (const subject of subjects) ask({ ...subject, day: undefined });
    return latest;
  }

  /** When the lane may open one more connection: there are slots for it, and a place. */
  connectionAt(lane: Lane, now: Instant, sink?: Sink, mark = false): Instant {
    let latest = -Infinity;
    for (const { plan, account, day } of this.#levels(lane, now)) {
      const at = Math.max(slotsAt(plan, account, account.connecting + 1, day, now, sink), connectionAt(plan, account, now, sink));
      if (mark && (at === Infinity || account.connections >= plan.outNow)) account.awaited = true;
      latest = Math.max(latest, at);
    }
    const learnt = this.#learntAt(lane, now, sink);
    if (mark && learnt === Infinity) lane.account.awaited = true;
    return Math.max(latest, learnt);
  }

  /** Reasons of a lane, binding first: those of departures, and those of connections when none is free to carry one. */
  reasons(lane: Lane, subjects: readonly Subject[], now: Instant): { readonly at: Instant; readonly because: readonly Reason[] } {
    const found: Reason[] = [];
    const sink: Sink = reason => found.push(reason);
    let at = this.departureAt(lane, subjects, now, sink);
    const { connections, connecting, permits } = lane.account;
    if (connections - connecting <= permits) {
      for (const { plan, account } of this.#levels(lane, now)) at = Math.max(at, connectionAt(plan, account, now, sink));
      at = Math.max(at, this.#learntAt(lane, now, sink));
    }
    return { at, because: bindingFirst(eachOnce(found)) };
  }

  /** What adaptive concurrency allows. */
  #learntAt(lane: Lane, now: Instant, sink?: Sink): Instant {
    const learnt = lane.concurrency;
    const limit = learnt?.limit ?? 1;
    let at = -Infinity;
    const tell = (until: Instant | null, quote?: Quote): void =>
      sink?.({
        limit: 'concurrency',
        scope: 'lane',
        value: limit,
        used: lane.account.connections,
        from: 'feedback',
        ...quote,
        until,
      });
    if (learnt && learnt.closedUntil > now) {
      at = learnt.closedUntil;
      tell(at, learnt.cause);
    }
    if (lane.account.connections >= limit) {
      at = Infinity;
      tell(null);
    }
    return at;
  }

  #levels(lane: Lane, now: Instant): readonly Level[] {
    const plan = this.#compiler.lane(lane, now).plan;
    const source = this.#compiler.source(lane.source, now);
    return [
      { plan, account: lane.account, day: this.#day(plan, lane, lane.provider, now) },
      { plan: source, account: lane.source.account, day: this.#day(source, lane, undefined, now) },
      { plan: this.#compiler.total(now), account: this.#floor.total, day: undefined },
    ];
  }

  #day(plan: Plan, lane: Lane, provider: string | undefined, now: Instant): Day | undefined {
    if (plan.dayNow === Infinity) return undefined;
    const source = lane.source.name;
    return { attempts: () => this.#ramp.attemptsToday(source, provider, now), end: () => this.#ramp.nextTick(source, now) };
  }
}

/**
 * Latest first; what only an event can end stands before everything, and of that what only a person can end. What was learnt
 * of concurrency gives way to a lower maximum of connections: when that lets go, it has let go already.
 */
export function bindingFirst(reasons: Reason[]): readonly Reason[] {
  const rank = (r: Reason): number => (r.until !== null ? 0 : r.limit === 'paused' ? 2 : 1);
  reasons.sort((a, b) => rank(b) - rank(a) || (b.until ?? 0) - (a.until ?? 0));
  const [first] = reasons;
  if (first?.limit !== 'concurrency' || first.until !== null) return reasons;
  const lower = reasons.findIndex(
    r => r.limit === 'max-smtp-out' && r.scope === 'lane' && (r.value ?? Infinity) < (first.value ?? Infinity),
  );
  if (lower > 0) reasons.unshift(...reasons.splice(lower, 1));
  return reasons;
}

/** A maximum of connections binds transactions and connections alike; it is told once. */
function eachOnce(reasons: readonly Reason[]): Reason[] {
  const found = new Map<string, Reason>();
  for (const reason of reasons) {
    const key = `${reason.limit} ${reason.scope} ${reason.from} ${reason.window ?? ''} ${reason.until}`;
    const known = found.get(key);
    if (!known || (reason.used ?? 0) > (known.used ?? 0)) found.set(key, reason);
  }
  return [...found.values()];
}

/** A wait whose reasons are found when somebody asks. */
export function waitUntil(at: Instant, now: Instant, find: (sink: Sink) => void): Wait {
  let known: readonly Reason[] | undefined;
  return {
    go: false,
    until: at === Infinity ? null : Math.max(Math.ceil(at), Math.floor(now) + 1),
    because() {
      if (!known) {
        const found: Reason[] = [];
        find(reason => found.push(reason));
        known = bindingFirst(found);
      }
      return known;
    },
  };
}
