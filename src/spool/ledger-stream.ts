/**
 * The records of ledger files, one after the other: a file in memory at a time, and of its records none, however many there
 * are. What is read here was looked through before: holes are known, everything else is whole.
 */
import { readFileSync } from 'node:fs';
import type { LedgerRecord } from '../kernel/ledger.js';
import { blocksOf, KIND } from './ledger-record.js';

export type Reserve = Extract<LedgerRecord, { kind: 'reserve' }>;

export interface StreamedFile {
  readonly number: number;
  readonly path: string;
  /** Offsets at which no whole block stands. */
  readonly broken: ReadonlySet<number>;
}

/** `early` are reservations of older files, open when these files begin. A permit open twice is one, an answer to nothing none. */
export function* streamRecords(early: readonly Reserve[], files: readonly StreamedFile[]): Generator<LedgerRecord, void, void> {
  const open = new Set<number>();
  for (const reserve of early) {
    if (open.has(reserve.permit)) continue;
    open.add(reserve.permit);
    yield reserve;
  }
  for (const { path, broken } of files) {
    const texts = new Map<number, string>();
    for (const { kind, at, a: permit, b, c, d, text } of blocksOf(readFileSync(path), broken)) {
      if (text !== undefined) texts.set(permit, text);
      else if (kind === KIND.reserve) {
        const [address, provider] = [texts.get(b), texts.get(c)];
        if (open.has(permit) || address === undefined || provider === undefined) continue;
        open.add(permit);
        yield { kind: 'reserve', permit, address, provider, slots: d, at };
      } else if ((kind === KIND.answer || kind === KIND.refund) && open.delete(permit)) {
        yield { kind: kind === KIND.answer ? 'answer' : 'refund', permit, at };
      }
    }
  }
}
