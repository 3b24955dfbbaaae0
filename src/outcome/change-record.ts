/**
 * A journal record as an accounting record: w for windows, s for stages; others are none. Pure.
 */
import type { ChangeRecord } from '../kernel/accounting.js';
import type { JournalRecord, JournalType } from '../kernel/journal.js';

const TYPES: Readonly<Partial<Record<JournalType, 'w' | 's'>>> = {
  'window-opened': 'w',
  'window-extended': 'w',
  'window-closed': 'w',
  'window-lifted': 'w',
  'stage-placed': 's',
  'stage-advanced': 's',
  'stage-held': 's',
  'stage-back': 's',
  'stage-braked': 's',
  graduated: 's',
  held: 's',
  released: 's',
};

/** `addressOf` finds a source's address by its name. */
export function changeRecord(record: JournalRecord, addressOf: (source: string) => string | undefined): ChangeRecord | undefined {
  const type = TYPES[record.type];
  if (!type) return undefined;
  const sourceIp = record.source === undefined ? undefined : addressOf(record.source);
  return {
    type,
    logged: record.at,
    journal: record.id,
    event: record.type,
    author: record.author,
    text: record.text,
    ...(record.source === undefined ? {} : { source: record.source }),
    ...(sourceIp === undefined ? {} : { sourceIp }),
    ...(record.provider === undefined ? {} : { provider: record.provider }),
    ...(record.window === undefined ? {} : { window: record.window }),
    ...(record.reply === undefined ? {} : { diag: record.reply }),
    ...(record.message === undefined ? {} : { message: record.message }),
  };
}
