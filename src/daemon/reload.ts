/**
 * A reload as one transaction: everything that may fail is prepared first, then all is changed in one turn, or nothing is
 * and what was in force stays. One after the other: two at once would open the same listeners.
 */
import type { Acceptor } from '../accept/acceptor.js';
import type { DkimSigner } from '../accept/signer.js';
import { nodeFiles } from '../config/files.js';
import { loadSettings } from '../config/load.js';
import type { Http } from '../control/http.js';
import { FaultError, printFault } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import { prepared, type Turn } from './turn.js';
import { unchangeable } from './unchangeable.js';

export interface ReloadParts {
  readonly settingsFile: string;
  /** Relative paths start here. */
  readonly cwd: string;
  /** In force now. */
  readonly settings: () => Settings;
  readonly signer: Pick<DkimSigner, 'prepare'>;
  readonly feedback: { prepare(next: Settings): () => void };
  readonly tellers: readonly { prepare(next: Settings): Promise<Turn> }[];
  readonly http: Pick<Http, 'apply'>;
  readonly acceptor: Pick<Acceptor, 'applySettings'>;
  /** From here on these are the settings; cannot fail. */
  readonly adopt: (next: Settings) => void;
  /** What else has to know, in the same turn. */
  readonly adopted: (author: string) => void;
}

export type Reload = (author: string) => Promise<{ warnings: string[] }>;

/** The reload rejects with FaultError. */
export function createReload(parts: ReloadParts): Reload {
  let last: Promise<unknown> = Promise.resolve();
  return author => {
    const result = last.then(() => reload(parts, author));
    last = result.catch(() => undefined);
    return result;
  };
}

async function reload(parts: ReloadParts, author: string): Promise<{ warnings: string[] }> {
  const { settings: next, faults, warnings } = loadSettings(parts.settingsFile, nodeFiles(parts.cwd));
  if (!next) throw new FaultError(faults);
  const before = parts.settings();
  const fixed = unchangeable(before, next);
  if (fixed) throw new FaultError([fixed]);
  const keys = parts.signer.prepare(next);
  const secret = parts.feedback.prepare(next);
  // The last steps that may fail: behind them all is changed in one turn, or nothing is.
  const turn = await prepared(parts.tellers, next);
  try {
    await parts.http.apply(next);
    await parts.acceptor.applySettings(next);
  } catch (error) {
    await turn.drop();
    await parts.http.apply(before);
    throw error;
  }
  parts.adopt(next);
  keys.apply();
  secret();
  turn.adopt();
  parts.adopted(author);
  return { warnings: [...warnings, ...keys.warnings].map(printFault) };
}
