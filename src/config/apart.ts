/**
 * Files of records keep apart: from each other, from the log, and from what the daemon keeps in its state folder.
 *
 * Two writers of one file would tear each other's lines and put each other's file aside; files put aside under one name would
 * take the place of one another, and records would be gone. Looks at paths, never at files.
 */
import { basename, dirname, join, normalize, relative } from 'node:path';
import type { Place } from '../kernel/fault.js';
import type { Rotation } from '../kernel/telling.js';
import type { Findings } from './findings.js';

interface RecordFile {
  readonly file: string;
  readonly rotation: Rotation;
  readonly from: Place;
}

/** What the daemon keeps in `state-dir`: lines of records in it would be the end of mail or of what is known about sources. */
const KEPT =
  /^(?:spool|ledger|feedback|feedback-aside|webhooks|tls-reports)(?:\/|$)|^(?:journal\.ndjson(?:\..*)?|(?:state|mta-sts|tls-counts)\.json)$/;

/** `others` are written by somebody else, such as the log. */
export function assertApart(files: readonly RecordFile[], others: readonly string[], stateDir: string, findings: Findings): void {
  const kept = (path: string): boolean => KEPT.test(relative(stateDir, path));
  files.forEach(({ file, rotation, from }, i) => {
    const fault = (what: string, hint: string): void => findings.fault(from, { code: 'same-file', what, hint });
    const before = files.slice(0, i);
    if (kept(file)) fault(`${file} is the daemon's own`, 'give records a file beside it');
    else if (rotation.moveTo !== undefined && kept(join(rotation.moveTo, basename(file))))
      fault(`${rotation.moveTo} is the daemon's own`, 'move files to a folder beside it');
    if (others.some(other => same(other, file)) || before.some(other => same(other.file, file)))
      return fault(`${file} is written already`, 'give each its own file');
    const mine = foldersOf({ file, rotation });
    const twin = before.find(other => basename(other.file) === basename(file) && foldersOf(other).some(folder => mine.includes(folder)));
    if (twin) fault(`${file} and ${twin.file} would be put aside under the same names`, 'give each its own name, or its own move-to');
  });
}

const same = (a: string, b: string): boolean => normalize(a) === normalize(b);

/** Where its names may stand once it is put aside. */
const foldersOf = ({ file, rotation }: Pick<RecordFile, 'file' | 'rotation'>): string[] =>
  [dirname(file), ...(rotation.moveTo === undefined ? [] : [rotation.moveTo])].map(folder => relative('/', folder));
