import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { checkStateFolder } from '../../src/daemon/state-folder.js';
import type { FaultError } from '../../src/kernel/fault.js';

const dirs: string[] = [];
afterEach(() => dirs.splice(0).forEach(dir => rmSync(dir, { recursive: true })));

function folder(...without: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'rampd-state-'));
  dirs.push(dir);
  for (const part of ['spool', 'ledger'].filter(p => !without.includes(p))) mkdirSync(join(dir, part));
  for (const part of ['state.json', 'journal.ndjson'].filter(p => !without.includes(p))) writeFileSync(join(dir, part), '');
  return dir;
}

const missing = (dir: string): string[] => {
  try {
    checkStateFolder(dir);
    return [];
  } catch (error) {
    return (error as FaultError).faults.map(f => f.place.file);
  }
};

it('takes a whole folder, and one that is still to be made', () => {
  expect(missing(folder())).toEqual([]);
  expect(missing(folder('state.json', 'spool', 'ledger', 'journal.ndjson'))).toEqual([]);
});

it.each(['spool', 'ledger', 'journal.ndjson'])('refuses a state without its %s, and names it', part => {
  const dir = folder(part);
  expect(missing(dir)).toEqual([join(dir, part)]);
});

it('names all that is missing at once', () => {
  expect(missing(folder('spool', 'ledger'))).toHaveLength(2);
});
