/**
 * Day counters in memory: for each address and provider, one row a day, and how many slots of the running day are taken.
 *
 * A row counts distinct recipients by their last outcome there; the `counted` list a recipient carries makes that exact. Slots
 * taken run ahead of outcomes, so max-msg-per-day sees attempts as they depart. Rows of warm addresses go when their day ends,
 * others after 31 days. Knows nothing of stages and gates.
 */
import { DAY } from '../kernel/units.js';
import type { DayRow } from '../kernel/day.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import type { Instant, Ms } from '../kernel/units.js';
import { shownAs } from './tally.js';
import type { DayTotals } from './ramp.js';

/** How far back growth looks for a lane's best day. */
export const GROWTH_WINDOW: Ms = 30 * DAY;
const KEPT: Ms = GROWTH_WINDOW + DAY;
/** Days younger than this keep their row whatever came after: seven days of deliveries stand behind the complaint rate. */
const YOUNG: Ms = 8 * DAY;
/** Entries a recipient's `counted` list may hold; older ones can no longer be replaced. */
const MOST_COUNTED = 16;

interface Row {
  readonly day: Instant;
  attempts: number;
  readonly counts: Partial<Record<OutcomeClass, number>>;
}

interface Lane {
  /** Oldest first. */
  rows: Row[];
  /** Slots taken in the running day. */
  taken: number;
}

interface Address {
  day: Instant;
  taken: number;
  readonly lanes: Map<string, Lane>;
}

export class Days {
  readonly #addresses = new Map<string, Address>();

  /**
   * The running day of an address is `day` from now on; an earlier or equal one changes nothing. Rows from `needed` on stay as
   * they are; Infinity keeps none.
   */
  roll(address: string, day: Instant, needed: Instant): void {
    const found = this.#addresses.get(address);
    if (!found) {
      this.#addresses.set(address, { day, taken: 0, lanes: new Map() });
      return;
    }
    if (day <= found.day) return;
    found.day = day;
    found.taken = 0;
    if (needed === Infinity) return found.lanes.clear();
    for (const [provider, lane] of found.lanes) {
      lane.rows = worthKeeping(lane.rows, day, Math.min(needed, day - YOUNG));
      // A restored row may belong to the day that only now begins.
      lane.taken = this.#row(lane, day)?.attempts ?? 0;
      found.taken += lane.taken;
      if (lane.rows.length === 0) found.lanes.delete(provider);
    }
  }

  /** The running day; undefined before the first. */
  dayOf(address: string): Instant | undefined {
    return this.#addresses.get(address)?.day;
  }

  /** Takes slots of the running day, or gives some back. */
  take(address: string, provider: string, slots: number): void {
    const found = this.#address(address);
    const lane = this.#lane(found, provider);
    const before = lane.taken;
    lane.taken = Math.max(this.#row(lane, found.day)?.attempts ?? 0, lane.taken + slots);
    found.taken += lane.taken - before;
  }

  taken(address: string, provider: string | undefined): number {
    const found = this.#addresses.get(address);
    if (!found) return 0;
    return provider === undefined ? found.taken : (found.lanes.get(provider)?.taken ?? 0);
  }

  /**
   * One recipient's attempt ended in `outcome` today; entries of `before` on this lane from `since` on are replaced.
   * `on` hears every change of a count. Returns the recipient's list and the rows changed, today's first.
   */
  count(
    address: string,
    provider: string,
    before: readonly Counted[],
    outcome: OutcomeClass,
    since: Instant,
    on: (outcome: OutcomeClass, n: number, day: Instant) => void,
  ): { readonly counted: readonly Counted[]; readonly row: DayRow; readonly also: readonly DayRow[] } {
    const found = this.#address(address);
    const lane = this.#lane(found, provider);
    const today = this.#rowOf(lane, found.day);
    const changed = new Set<Row>();
    const counted: Counted[] = [];
    for (const entry of before) {
      const same = entry.source === address && entry.provider === provider;
      if (!same) counted.push(entry);
      else if (entry.day >= Math.min(since, found.day)) {
        const row = this.#row(lane, entry.day);
        const n = row?.counts[entry.class] ?? 0;
        if (!row || n <= 0) continue;
        if (n === 1) delete row.counts[entry.class];
        else row.counts[entry.class] = n - 1;
        on(entry.class, -1, row.day);
        if (row !== today) changed.add(row);
      }
    }
    today.counts[outcome] = (today.counts[outcome] ?? 0) + 1;
    on(outcome, 1, today.day);
    today.attempts++;
    if (today.attempts > lane.taken) {
      found.taken += today.attempts - lane.taken;
      lane.taken = today.attempts;
    }
    counted.push({ source: address, provider, day: today.day, class: outcome });
    return {
      counted: counted.slice(-MOST_COUNTED),
      row: asRow(address, provider, today),
      also: [...changed].map(row => asRow(address, provider, row)),
    };
  }

  restore(row: DayRow): void {
    const found = this.#address(row.address);
    const lane = this.#lane(found, row.provider);
    lane.rows = [...lane.rows.filter(r => r.day !== row.day), { day: row.day, attempts: row.attempts, counts: { ...row.recipients } }];
    lane.rows.sort((a, b) => a.day - b.day);
    if (row.day !== found.day) return;
    found.taken += Math.max(0, row.attempts - lane.taken);
    lane.taken = Math.max(lane.taken, row.attempts);
  }

  /** Visits the counts of every lane of an address for days in [from, to). */
  each(
    address: string,
    from: Instant,
    to: Instant,
    visit: (provider: string, counts: Readonly<Partial<Record<OutcomeClass, number>>>, day: Instant, attempts: number) => void,
  ): void {
    for (const [provider, lane] of this.#addresses.get(address)?.lanes ?? []) {
      for (const row of lane.rows) if (row.day >= from && row.day < to) visit(provider, row.counts, row.day, row.attempts);
    }
  }

  /** A lane's best finished day (attempts) of those that began in the 30 days before the running one. */
  best(address: string, provider: string): number {
    const found = this.#addresses.get(address);
    let best = 0;
    for (const row of found?.lanes.get(provider)?.rows ?? []) {
      if (found && row.day < found.day && row.day >= found.day - GROWTH_WINDOW) best = Math.max(best, row.attempts);
    }
    return best;
  }

  today(address: string, provider: string | undefined): DayTotals {
    const found = this.#addresses.get(address);
    const totals = { attempts: this.taken(address, provider), recipients: 0, delivered: 0, deferred: 0, bounced: 0 };
    if (!found) return totals;
    this.each(address, found.day, Infinity, (name, counts) => {
      if (provider !== undefined && name !== provider) return;
      for (const [outcome, n] of Object.entries(counts)) {
        totals.recipients += n ?? 0;
        totals[shownAs(outcome as OutcomeClass)] += n ?? 0;
      }
    });
    return totals;
  }

  #address(address: string): Address {
    const found = this.#addresses.get(address);
    if (!found) throw new Error(`the day of ${address} has not begun`);
    return found;
  }

  #lane(address: Address, provider: string): Lane {
    let lane = address.lanes.get(provider);
    if (!lane) address.lanes.set(provider, (lane = { rows: [], taken: 0 }));
    return lane;
  }

  #row(lane: Lane, day: Instant): Row | undefined {
    const last = lane.rows.at(-1);
    return last?.day === day ? last : lane.rows.find(row => row.day === day);
  }

  #rowOf(lane: Lane, day: Instant): Row {
    let row = this.#row(lane, day);
    if (!row) lane.rows.push((row = { day, attempts: 0, counts: {} }));
    return row;
  }
}

/** Old rows serve growth alone: of those only days that no later one has beaten. */
function worthKeeping(rows: readonly Row[], day: Instant, needed: Instant): Row[] {
  const kept: Row[] = [];
  let most = 0;
  for (const row of [...rows].reverse()) {
    if (row.day <= day - KEPT && row.day < needed) break;
    if (row.day >= needed || row.attempts > most) kept.push(row);
    if (row.day < day) most = Math.max(most, row.attempts);
  }
  return kept.reverse();
}

function asRow(address: string, provider: string, row: Row): DayRow {
  return { address, provider, day: row.day, attempts: row.attempts, recipients: { ...row.counts } };
}
