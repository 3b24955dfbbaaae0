/**
 * What the ledger log says after a restart. Restored counts are never lower than what any receiver may have seen.
 *
 * Records go through the same accounts as when they were made, under the caps of then as far as they are known, and no place on
 * the even grid lies ahead of the last departure: what left at 1,200/h before a window of 60/h opened keeps one slot's distance
 * from the next, not an hour's. An answer in the future (the clock was set back since) counts from now. Reservations without an
 * answer count until 3,600 s after now. After a power cut the log may lack its last 100 ms: each lane in the log that has a cap,
 * or whose source has one, is charged the most its pace can have let out in that time, and if it was busy in the log's last 5 s
 * its max-smtp-out besides; a lane without pace (`pacing: burst`) its whole cap. What is settled or charged here is told to the
 * log, so that the next restart does not charge it anew.
 */
import type { LastEnd, LedgerRecord } from '../kernel/ledger.js';
import { LONGEST_PERIOD } from '../kernel/limits.js';
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import type { Core } from './core.js';
import type { Account } from './account.js';
import { Lane } from './floor.js';
import { CATCH_UP } from './pace.js';
import type { Permits } from './permits.js';
import { hourAt, type Plan } from './plan.js';

/** Lanes that departed this long before the log ends were busy. */
const LAST_MOMENTS: Ms = 5_000;
/** Twice the log's sync interval, and what the grid lets a departure catch up on. */
const UNSYNCED: Ms = 200 + CATCH_UP;
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
  let departed = -Infinity;
  for (const record of records) {
    permits.next = Math.max(permits.next, record.permit + 1);
    if (record.at + LONGEST_PERIOD <= now && record.kind === 'reserve') continue;
    const at = Math.min(record.at, now);
    last = Math.max(last, at);
    if (record.kind === 'reserve') {
      const lane = laneOf(core, record.address, record.provider);
      open.set(record.permit, { lane, slots: record.slots });
      // The rest of a permit is told anew under its old instant: others have departed since.
      departed = Math.max(departed, at);
      const latest = departed;
      each(core, lane, at, now, (account, perHour) => account.reserve(record.slots, perHour, perHour === Infinity ? latest : at, latest));
      seen.set(lane, Math.max(seen.get(lane) ?? -Infinity, at));
      continue;
    }
    const known = open.get(record.permit);
    if (!known) continue;
    open.delete(record.permit);
    if (record.kind === 'answer') answer(core, known, at, now);
    else each(core, known.lane, at, now, (account, perHour) => account.giveBack(known.slots, true, perHour));
  }
  for (const [permit, known] of open) {
    answer(core, known, now, now);
    core.ports.ledger({ kind: 'answer', permit, at: now });
  }
  if (end !== 'power-cut') return;
  // When the power went is not known: the log's last record may be older than that by hours.
  for (const [lane, at] of seen) chargeUnsynced(core, permits, lane, at > last - LAST_MOMENTS, now);
}

function laneOf(core: Core, address: string, provider: string): Lane {
  const source = core.floor.address(address);
  const lane = source.lanes.get(provider) ?? new Lane(source, provider, core.floor.slabs);
  core.floor.keep(lane);
  return lane;
}

/** The accounts of a lane, each with its hourly cap at `at`. */
function each(core: Core, lane: Lane, at: Instant, now: Instant, act: (account: Account, perHour: number) => void): void {
  const one = (account: Account, plan: Plan): void => {
    // Its histories of longer periods begin here: later they would know the last hour alone.
    for (const cap of plan.rates) account.rate(cap.per, now);
    act(account, hourAt(plan, at));
  };
  one(lane.account, core.compiler.lane(lane, now).plan);
  one(lane.source.account, core.compiler.source(lane.source, now));
  one(core.floor.total, core.compiler.total(now));
}

function answer(core: Core, { lane, slots }: Open, at: Instant, now: Instant): void {
  each(core, lane, at, now, (account, perHour) => account.answer(slots, at, now, perHour));
}

function chargeUnsynced(core: Core, permits: Permits, lane: Lane, busy: boolean, now: Instant): void {
  const plan = core.compiler.lane(lane, now).plan;
  const source = core.compiler.source(lane.source, now);
  const perHour = Math.min(plan.hourNow, source.hourNow);
  if (perHour === Infinity) return;
  const connections = Math.min(plan.outNow, source.outNow);
  const paced = 2 + Math.ceil((perHour * UNSYNCED) / HOUR);
  const besides = busy ? (connections === Infinity ? MANY_CONNECTIONS : connections) : 0;
  const even = (plan.even && plan.hourNow === perHour) || (source.even && source.hourNow === perHour);
  const slots = Math.min(perHour, even ? paced + besides : perHour);
  if (slots < 1) return;
  const permit = permits.next++;
  const { address } = lane.source;
  core.ports.ledger({ kind: 'reserve', permit, address, provider: lane.provider, slots, at: now });
  core.ports.ledger({ kind: 'answer', permit, at: now });
  each(core, lane, now, now, (account, cap) => account.charge(slots, now, now, cap));
}
