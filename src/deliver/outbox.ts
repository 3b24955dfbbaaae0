/**
 * What a turn of the event loop owes the disk, done once for the whole turn.
 *
 * Departures: all reservations of the turn are written to the ledger log by one write, then each permit is presented and its
 * transaction begins. Settlements: accounting is written, then outcomes commit in one transaction; what ends meanwhile goes
 * together into the next, so that a busy daemon syncs its accounting for many outcomes at once. Never lets a MAIL FROM out
 * before its reservation is in the log, nor an outcome commit before its accounting record. After a failure nothing leaves and
 * nothing commits: the daemon ends.
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
  #broke: () => void = () => undefined;
  /** Resolves when something could not be written: whatever waits for a commit would wait for ever. */
  readonly broken = new Promise<void>(resolve => (this.#broke = resolve));

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
        // Without the ledger nothing may leave: the reservations stay counted.
        return this.#failed(error as Error);
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

  #failed(error: Error): void {
    this.#broke();
    this.#ports.failed(error);
  }

  /** One commit after the other until nothing is left. */
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
        return this.#failed(error as Error);
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
