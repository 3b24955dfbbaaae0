/**
 * A reload as one transaction: everything that may fail is prepared first, then all is changed in one turn, or nothing is
 * and what was in force stays. One after the other: two at once would open the same listeners. None once a stop has begun:
 * it would open again what the stop closes.
 */
import type { Acceptor } from '../accept/acceptor.js';
import type { DkimSigner } from '../accept/signer.js';
import { nodeFiles } from '../config/files.js';
import { loadSettings } from '../config/load.js';
import type { Http } from '../control/http.js';
import { Refusal } from '../control/operations.js';
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

export interface Reloads {
  /** Rejects with FaultError, or with Refusal once they are closed. */
  reload(author: string): Promise<{ warnings: string[] }>;
  /** From now on there are none; resolves when one that is under way has ended. */
  close(): Promise<void>;
}

export function createReloads(parts: ReloadParts): Reloads {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  return {
    reload(author) {
      const result = last.then(() => {
        if (closed) throw new Refusal('rampd is stopping: the configuration is read again at its next start');
        return reload(parts, author);
      });
      last = result.catch(() => undefined);
      return result;
    },
    async close() {
      closed = true;
      await last;
    },
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
    // What HTTP was bound to may be gone meanwhile (its certificate, say): the reload failed for what it failed for.
    await parts.http.apply(before).catch(() => undefined);
    throw error;
  }
  parts.adopt(next);
  keys.apply();
  secret();
  turn.adopt();
  parts.adopted(author);
  return { warnings: [...warnings, ...keys.warnings].map(printFault) };
}
