/**
 * What the ledger log says after a restart. Restored counts are never lower than what any receiver may have seen.
 *
 * Answers keep their instants (one in the future, from a clock set back since, counts from now). Reservations without an
 * answer count until 3,600 s after now. After a power cut the log may lack its last moments: each lane seen in the last
 * 5 s of the log that has a cap, or whose source has one, is charged its max-smtp-out and 200 ms of its pace besides.
 * What is settled or charged here is told to the log, so that the next restart does not charge it anew.
 */
import type { LastEnd, LedgerRecord } from '../kernel/ledger.js';
import { HOUR, type Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import { Lane } from './floor.js';
import type { Permits } from './permits.js';
import type { Plan } from './plan.js';

/** Lanes that departed this long before the log ends may have lost records. */
const LAST_MOMENTS = 5_000;
/** Twice the log's sync interval, in hours. */
const UNSYNCED = 200 / HOUR;
/** Connections assumed where neither lane nor source has a maximum. */
const MANY_CONNECTIONS = 20;

interface Open {
  readonly lane: Lane;
  readonly slots: number;
}

export function replayLedger(core: Core, permits: Permits, records: Iterable<LedgerRecord>, end: LastEnd, now: Instant): void {
  const open = new Map<number, Open>();
  const seen = new Map<Lane, Instant>();
  let last = -Infinity;
  for (const record of records) {
    permits.next = Math.max(permits.next, record.permit + 1);
    last = Math.max(last, record.at);
    if (record.kind === 'reserve') {
      const lane = laneOf(core, record.address, record.provider);
      open.set(record.permit, { lane, slots: record.slots });
      seen.set(lane, Math.max(seen.get(lane) ?? -Infinity, record.at));
      continue;
    }
    const known = open.get(record.permit);
    if (!known) continue;
    open.delete(record.permit);
    if (record.kind === 'answer') charge(core, known.lane, known.slots, Math.min(record.at, now), now);
  }
  for (const [permit, { lane, slots }] of open) {
    charge(core, lane, slots, now, now);
    core.ports.ledger({ kind: 'answer', permit, at: now });
  }
  if (end !== 'power-cut') return;
  for (const [lane, at] of seen) if (at > last - LAST_MOMENTS) chargeUnsynced(core, permits, lane, now);
}

function laneOf(core: Core, address: string, provider: string): Lane {
  const source = core.floor.address(address);
  const lane = source.lanes.get(provider) ?? new Lane(source, provider, core.floor.slabs);
  core.floor.keep(lane);
  return lane;
}

function charge(core: Core, lane: Lane, slots: number, at: Instant, now: Instant): void {
  if (at + 12 * 24 * HOUR <= now) return;
  lane.account.charge(slots, at, now, core.compiler.lane(lane, now).plan.hourNow);
  lane.source.account.charge(slots, at, now, core.compiler.source(lane.source, now).hourNow);
  core.floor.total.charge(slots, at, now, core.compiler.total(now).hourNow);
  for (const account of [lane.account, lane.source.account]) account.grid = Math.max(account.grid, at);
}

function chargeUnsynced(core: Core, permits: Permits, lane: Lane, now: Instant): void {
  const plan = core.compiler.lane(lane, now).plan;
  const source = core.compiler.source(lane.source, now);
  if (!capped(plan) && !capped(source)) return;
  const connections = Math.min(plan.outNow, source.outNow);
  const perHour = Math.min(plan.hourNow, source.hourNow);
  const paced = perHour === Infinity ? 0 : Math.ceil(perHour * UNSYNCED);
  const slots = (connections === Infinity ? MANY_CONNECTIONS : connections) + paced;
  if (slots === 0) return;
  const permit = permits.next++;
  const { address } = lane.source;
  core.ports.ledger({ kind: 'reserve', permit, address, provider: lane.provider, slots, at: now });
  core.ports.ledger({ kind: 'answer', permit, at: now });
  charge(core, lane, slots, now, now);
}

const capped = (plan: Plan): boolean => plan.hourNow !== Infinity || plan.dayNow !== Infinity || plan.rates.length > 0;
