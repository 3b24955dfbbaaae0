/**
 * Numbers the governor's journal records and hands them on; remembers the last.
 */
import type { GovernorPorts } from '../kernel/governor.js';
import type { NewRecord } from './ramp.js';

export class Chronicle {
  last = 0;
  readonly #journal: GovernorPorts['journal'];

  constructor(journal: GovernorPorts['journal']) {
    this.#journal = journal;
  }

  record(record: NewRecord): number {
    const id = ++this.last;
    this.#journal({ id, ...record });
    return id;
  }
}
