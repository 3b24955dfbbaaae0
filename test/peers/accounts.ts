/**
 * What rampd's accounting file says of attempts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until, type World } from '../e2e/world.js';

interface Account {
  readonly type: 'd' | 'b' | 't';
  readonly rcpt: string;
  readonly message: string;
  readonly class: string;
  readonly dsnStatus: string;
  readonly dsnDiag: string;
  /** Host and address. */
  readonly dsnMta: string;
  readonly uncertain: boolean;
  readonly vmta: string;
}

const FIELDS = 'rcpt, message, class, dsnStatus, dsnDiag, dsnMta, uncertain, vmta';

/** For rampd.yaml. */
export const accounting = (w: World): string =>
  `accounting: { file: ${join(w.dir, 'acct.ndjson')}, format: ndjson, compress: none, records: [d, b, t], fields: [${FIELDS}] }`;

/** Of one message, in order, once there are as many as expected; what comes after an outcome was committed is too late. */
export async function accountsOf(w: World, message: string, expected: number): Promise<Account[]> {
  const file = join(w.dir, 'acct.ndjson');
  const read = (): Account[] =>
    (existsSync(file) ? readFileSync(file, 'utf8') : '')
      .split('\n')
      .filter(line => line.endsWith('}'))
      .map(line => JSON.parse(line) as Account)
      .filter(record => record.message === message);
  return until(read, list => list.length >= expected);
}
