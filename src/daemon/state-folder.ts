/**
 * The parts of a state folder belong together: where state.json is, the spool, the ledger and the journal must be too. A part
 * that somebody moved away would otherwise be made anew, and what it knew (mail, an hour of departures, windows and pauses)
 * would be forgotten without a word. Looks only; makes nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FaultError, type Fault } from '../kernel/fault.js';

const COMPANIONS = [
  {
    name: 'spool',
    what: 'the spool is missing beside state.json',
    otherwise: 'make an empty folder of that name, and the mail in it is lost',
  },
  {
    name: 'ledger',
    what: 'the ledger is missing beside state.json',
    otherwise: 'make an empty folder of that name, and what left in the last hour is not counted: caps may be exceeded',
  },
  {
    name: 'journal.ndjson',
    what: 'the journal is missing beside state.json',
    otherwise: 'make an empty file of that name, and changes of limits since the last snapshot are forgotten',
  },
] as const;

/** Before anything is opened. Throws FaultError naming every part that is missing. */
export function checkStateFolder(dir: string): void {
  if (!existsSync(join(dir, 'state.json'))) return;
  const faults = COMPANIONS.filter(({ name }) => !existsSync(join(dir, name))).map(({ name, what, otherwise }): Fault => ({
    code: 'state-incomplete',
    place: { file: join(dir, name), line: 0, col: 0 },
    what,
    hint: `restore it from a copy; without one, ${otherwise}`,
  }));
  if (faults.length > 0) throw new FaultError(faults);
}
