/**
 * SNDS data of the daemon's own addresses: imported from files, the last period of each kept and shown, each new one in the
 * journal. It changes no limit: what Microsoft thought of an address yesterday is for a person to judge.
 */
import { Refusal, type Act } from '../control/operations.js';
import { sndsText } from '../control/reason-text.js';
import type { SndsImportView, SndsView } from '../control/view.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { readSndsLine, type SndsData } from '../outcome/snds.js';
import { sndsRow } from '../spool/report-rows.js';
import type { Store } from '../spool/store.js';

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_FAULTS = 10;

export interface SndsParts {
  readonly clock: Clock;
  readonly store: Pick<Store, 'reports' | 'settle'>;
  readonly settings: () => Settings;
  readonly governor: Governor;
}

export class Snds {
  readonly #parts: SndsParts;
  readonly #last: Map<string, SndsData>;

  constructor(parts: SndsParts) {
    this.#parts = parts;
    this.#last = parts.store.reports.snds() as Map<string, SndsData>;
  }

  /** The last data of a source's address. */
  of(address: string): SndsView | null {
    const data = this.#last.get(address);
    if (!data) return null;
    const { from, until, filter, complaintRate, recipients, trapHits } = data;
    return { from, until, filter, complaintRate, recipients, trapHits };
  }

  /** Throws Refusal when the text is longer than 16 MB. */
  async import(text: AsyncIterable<Buffer | string>, act: Act): Promise<SndsImportView> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const piece of text) {
      const chunk = Buffer.from(piece as Buffer);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new Refusal('the file is longer than 16 MB');
      chunks.push(chunk);
    }
    const result: SndsImportView = { sources: [], known: 0, others: 0, faulty: 0, faults: [] };
    const newest = new Map<string, SndsData>();
    const { settings, store, governor, clock } = this.#parts;
    const names = new Map([...settings().sources.values()].map(source => [source.address, source.name]));
    Buffer.concat(chunks)
      .toString()
      .split('\n')
      .forEach((line, i) => {
        const read = readSndsLine(line);
        if (read.kind === 'fault') {
          result.faulty++;
          if (result.faults.length < MOST_FAULTS) result.faults.push({ line: i + 1, what: read.what });
        }
        if (read.kind !== 'data') return;
        const { data } = read;
        const before = newest.get(data.address) ?? this.#last.get(data.address);
        if (!names.has(data.address)) result.others++;
        else if (before && before.until >= data.until) result.known++;
        else newest.set(data.address, data);
      });
    const rows = [...newest].map(([address, data]) => sndsRow(address, data));
    if (rows.length > 0) await store.settle([], [], rows);
    for (const [address, data] of newest) {
      const name = names.get(address) ?? address;
      this.#last.set(address, data);
      result.sources.push(name);
      const why = act.why === undefined ? '' : `: ${act.why}`;
      governor.note('imported', `operator:${act.author}`, `${sndsText(data)}${why}`, clock.now(), name);
    }
    return result;
  }
}
