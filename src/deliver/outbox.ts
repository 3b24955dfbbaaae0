/**
 * What a turn of the event loop owes the disk, done once for the whole turn.
 *
 * Departures: all reservations of the turn are written to the ledger log by one write, then each permit is presented and its
 * transaction begins. Settlements: accounting is written, then outcomes commit in one transaction; what ends meanwhile goes
 * together into the next, so that a busy daemon syncs its accounting for many outcomes at once. Never lets a MAIL FROM out
 * before its reservation is in the log, nor an outcome commit before its accounting record.
 */
import type { DayRow } from '../kernel/day.js';
import type { RowChange } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import type { DeliverPorts } from './ports.js';

export interface Settlement {
  readonly changes: readonly RowChange[];
  readonly days: readonly DayRow[];
  readonly beside?: readonly SideRow[];
  readonly committed: () => void;
}

export class Outbox {
  readonly #ports: Pick<DeliverPorts, 'flushLedger' | 'flushAccounting' | 'store' | 'failed'>;
  #departures: (() => void)[] = [];
  #settlements: Settlement[] = [];
  #departing = false;
  #settling = false;
  #pending = 0;
  #idle: (() => void)[] = [];

  constructor(ports: Pick<DeliverPorts, 'flushLedger' | 'flushAccounting' | 'store' | 'failed'>) {
    this.#ports = ports;
  }

  depart(begin: () => void): void {
    this.#departures.push(begin);
    if (this.#departing) return;
    this.#departing = true;
    setImmediate(() => {
      this.#departing = false;
      const departures = this.#departures;
      this.#departures = [];
      try {
        this.#ports.flushLedger();
      } catch (error) {
        // Without the ledger nothing may leave: the reservations stay counted and the daemon ends.
        this.#ports.failed(error as Error);
        return;
      }
      for (const begin of departures) begin();
    });
  }

  settle(settlement: Settlement): void {
    this.#settlements.push(settlement);
    this.#pending++;
    if (this.#settling) return;
    this.#settling = true;
    setImmediate(() => void this.#commitAll());
  }

  /** Resolves once nothing is waiting to be committed. */
  drained(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise(resolve => this.#idle.push(resolve));
  }

  /** One commit after the other until nothing is left. After a failure none: the daemon ends. */
  async #commitAll(): Promise<void> {
    while (this.#settlements.length > 0) {
      const batch = this.#settlements;
      this.#settlements = [];
      try {
        await this.#ports.flushAccounting();
        await this.#ports.store.settle(
          batch.flatMap(s => s.changes),
          latest(batch),
          batch.flatMap(s => s.beside ?? []),
        );
      } catch (error) {
        this.#ports.failed(error as Error);
        return;
      }
      for (const settlement of batch) settlement.committed();
      this.#pending -= batch.length;
    }
    this.#settling = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Day rows are absolute: of several for one key only the last counts. */
function latest(batch: readonly Settlement[]): DayRow[] {
  const rows = new Map<string, DayRow>();
  for (const { days } of batch) for (const row of days) rows.set(`${row.address} ${row.provider} ${row.day}`, row);
  return [...rows.values()];
}
