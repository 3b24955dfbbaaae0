/**
 * The caps in force over time, for sources and for lanes: what the receivers' ledgers are held against at the end. Asked at
 * every departure, in the turn of its MAIL FROM, because windows let caps rise again by time alone.
 */
import type { Governor } from '../../kernel/governor.js';
import type { Settings } from '../../kernel/settings.js';
import type { Instant } from '../../kernel/units.js';
import type { LaneName } from '../../kernel/verdict.js';
import type { CapInForce } from '../../rehearse/ledger-check.js';

export class CapHistory {
  readonly sources: CapInForce[] = [];
  /** By provider; `source` is the source's address. */
  readonly lanes = new Map<string, CapInForce[]>();
  readonly #last = new Map<string, number>();

  departed(lane: LaneName, governor: Pick<Governor, 'laneStatus' | 'sourceStatus'>, settings: Settings, at: Instant): void {
    const address = settings.sources.get(lane.source)?.address;
    if (address === undefined) return;
    let list = this.lanes.get(lane.provider);
    if (!list) this.lanes.set(lane.provider, (list = []));
    this.#add(address, this.sources, address, governor.sourceStatus(lane.source, at).maxMsgPerHour, at);
    this.#add(`${address} ${lane.provider}`, list, address, governor.laneStatus(lane, at).maxMsgPerHour, at);
  }

  #add(key: string, list: CapInForce[], source: string, cap: number, at: Instant): void {
    if (this.#last.get(key) === cap) return;
    this.#last.set(key, cap);
    list.push({ source, at, cap });
  }
}
