/**
 * Day counters in memory: for each address and provider, one row a day.
 *
 * A row counts attempts whose outcome is known, and distinct recipients by their last outcome there; the `counted` list a
 * recipient carries makes that exact. Rows of warm addresses go when their day ends, others after 31 days. Knows nothing of
 * stages and gates.
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

/** A lane's day: the provider, its counts, when the day began, attempts. */
type Visit = (provider: string, counts: Readonly<Partial<Record<OutcomeClass, number>>>, day: Instant, attempts: number) => void;

/** One day of a lane, as it is committed. It goes on counting. */
interface Row extends DayRow {
  attempts: number;
  readonly recipients: Partial<Record<OutcomeClass, number>>;
}

interface Address {
  day: Instant;
  /** Of the running day, on all lanes. */
  attempts: number;
  /** By provider; oldest first. */
  readonly lanes: Map<string, readonly Row[]>;
}

const NONE: readonly DayRow[] = [];
const NO_ROWS: readonly Row[] = [];

export class Days {
  readonly #addresses = new Map<string, Address>();

  /**
   * The running day of an address is `day` from now on; an earlier or equal one changes nothing. Rows from `needed` on stay as
   * they are; Infinity keeps none.
   */
  roll(address: string, day: Instant, needed: Instant): void {
    const found = this.#addresses.get(address);
    if (!found) {
      this.#addresses.set(address, { day, attempts: 0, lanes: new Map() });
      return;
    }
    if (day <= found.day) return;
    found.day = day;
    found.attempts = 0;
    if (needed === Infinity) return found.lanes.clear();
    for (const [provider, rows] of found.lanes) {
      const kept = worthKeeping(rows, day, Math.min(needed, day - YOUNG));
      // A restored row may belong to the day that only now begins.
      found.attempts += rowAt(kept, day)?.attempts ?? 0;
      if (kept.length > 0) found.lanes.set(provider, kept);
      else found.lanes.delete(provider);
    }
  }

  /** The running day; undefined before the first. */
  dayOf(address: string): Instant | undefined {
    return this.#addresses.get(address)?.day;
  }

  /** Attempts of the running day whose outcome was counted. */
  attempts(address: string, provider: string | undefined): number {
    const found = this.#addresses.get(address);
    if (!found) return 0;
    return provider === undefined ? found.attempts : (rowAt(found.lanes.get(provider) ?? [], found.day)?.attempts ?? 0);
  }

  /**
   * One recipient's attempt ended in `outcome` today; entries of `before` on this lane from `since` on are replaced.
   * `on` hears every change of a count. Returns the recipient's list and the rows changed, today's first; these go on
   * counting: who keeps one copies it.
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
    const rows = found.lanes.get(provider) ?? [];
    let today = rowAt(rows, found.day);
    if (!today) {
      today = { address, provider, day: found.day, attempts: 0, recipients: {} };
      found.lanes.set(provider, [...rows, today]);
    }
    const also = before.length > 0 ? this.#replace(found, rows, before, since, on) : NONE;
    today.recipients[outcome] = (today.recipients[outcome] ?? 0) + 1;
    on(outcome, 1, today.day);
    today.attempts++;
    found.attempts++;
    const counted = before.filter(entry => entry.source !== address || entry.provider !== provider);
    counted.push({ source: address, provider, day: today.day, class: outcome });
    return { counted: counted.length > MOST_COUNTED ? counted.slice(-MOST_COUNTED) : counted, row: today, also };
  }

  /** Takes earlier outcomes of a recipient on this lane back; returns the rows of days gone by that changed. */
  #replace(
    { day }: Address,
    rows: readonly Row[],
    before: readonly Counted[],
    since: Instant,
    on: (outcome: OutcomeClass, n: number, day: Instant) => void,
  ): readonly DayRow[] {
    const changed = new Set<DayRow>();
    for (const entry of before) {
      if (entry.day < Math.min(since, day)) continue;
      const row = rowAt(rows, entry.day);
      if (!row || entry.source !== row.address || entry.provider !== row.provider) continue;
      const n = row.recipients[entry.class] ?? 0;
      if (n <= 0) continue;
      if (n === 1) delete row.recipients[entry.class];
      else row.recipients[entry.class] = n - 1;
      on(entry.class, -1, row.day);
      if (row.day !== day) changed.add(row);
    }
    return [...changed];
  }

  /**
   * A recipient that was delivered at `departed` came to another end, today: it was no attempt. The delivery is taken back
   * where its day is from `since` on or today's. Returns the rows changed; they go on counting.
   */
  amend(
    address: string,
    provider: string,
    departed: Instant,
    outcome: OutcomeClass,
    since: Instant,
    on: (outcome: OutcomeClass, n: number, day: Instant) => void,
  ): readonly DayRow[] {
    const found = this.#address(address);
    const rows = found.lanes.get(provider) ?? [];
    const then = rows.findLast(row => row.day <= departed);
    let today = rowAt(rows, found.day);
    if (!today) {
      today = { address, provider, day: found.day, attempts: 0, recipients: {} };
      found.lanes.set(provider, [...rows, today]);
    }
    const before: readonly Counted[] = then ? [{ source: address, provider, day: then.day, class: 'delivered' }] : [];
    const also = this.#replace(found, rows, before, since, on);
    today.recipients[outcome] = (today.recipients[outcome] ?? 0) + 1;
    on(outcome, 1, today.day);
    return [today, ...also];
  }

  /** Rows are best given oldest first. What will never be asked for is not kept, as by `roll`. */
  restore({ recipients, ...row }: DayRow, needed: Instant): void {
    const found = this.#address(row.address);
    const rows = found.lanes.get(row.provider) ?? NO_ROWS;
    const before = rowAt(rows, row.day);
    const all = [...rows.filter(r => r !== before), { ...row, recipients: { ...recipients } }].sort((a, b) => a.day - b.day);
    found.lanes.set(row.provider, worthKeeping(all, found.day, Math.min(needed, found.day - YOUNG)));
    if (row.day === found.day) found.attempts += row.attempts - (before?.attempts ?? 0);
  }

  /** Visits the counts of every lane of an address for days in [from, to). */
  each(address: string, from: Instant, to: Instant, visit: Visit): void {
    for (const provider of this.#addresses.get(address)?.lanes.keys() ?? []) this.eachOf(address, provider, from, to, visit);
  }

  /** The same for one lane. */
  eachOf(address: string, provider: string, from: Instant, to: Instant, visit: Visit): void {
    for (const row of this.#addresses.get(address)?.lanes.get(provider) ?? NO_ROWS) {
      if (row.day >= from && row.day < to) visit(provider, row.recipients, row.day, row.attempts);
    }
  }

  /** A lane's best finished day (attempts) of those that began in the 30 days before the running one. */
  best(address: string, provider: string): number {
    const found = this.#addresses.get(address);
    let best = 0;
    for (const row of found?.lanes.get(provider) ?? []) {
      if (found && row.day < found.day && row.day >= found.day - GROWTH_WINDOW) best = Math.max(best, row.attempts);
    }
    return best;
  }

  today(address: string, provider: string | undefined): DayTotals {
    const found = this.#addresses.get(address);
    const totals = { attempts: this.attempts(address, provider), recipients: 0, delivered: 0, deferred: 0, bounced: 0 };
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
}

function rowAt(rows: readonly Row[], day: Instant): Row | undefined {
  const last = rows.at(-1);
  return last?.day === day ? last : rows.find(row => row.day === day);
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
  return [...kept.reverse()];
}

/** The row as it is now. */
export const copyOf = ({ recipients, ...row }: DayRow): DayRow => ({ ...row, recipients: { ...recipients } });
