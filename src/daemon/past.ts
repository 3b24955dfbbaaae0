/**
 * The journal read through while the daemon works: a few records, then everybody else's turn.
 */
import type { JournalRecord } from '../kernel/journal.js';
import type { Journal } from '../outcome/journal.js';

/** Records read in one turn: about a millisecond's work. */
const A_TURN = 100;

export interface PastPage {
  /** Everything up to this id has been read or passed over. */
  readonly through: number;
  readonly records: readonly JournalRecord[];
}

/**
 * All records with an id above `after`, those written meanwhile included; parts that ended before `since` (epoch milliseconds)
 * are passed over. What is appended after the last page was made is not in it: who must know looks again.
 */
export async function* past(journal: Pick<Journal, 'after' | 'lastId'>, after: number, since?: number): AsyncGenerator<PastPage> {
  let through = after;
  while (through < journal.lastId) {
    const most = journal.lastId;
    let records: JournalRecord[] = [];
    for (const record of journal.after(through, since)) {
      records.push(record);
      if (records.length < A_TURN) continue;
      yield { through: record.id, records };
      records = [];
      await new Promise<void>(resolve => setImmediate(resolve));
    }
    through = Math.max(through, most, records.at(-1)?.id ?? 0);
    yield { through, records };
  }
}
