/**
 * Private keys in files: read, judged, and read again when they change.
 *
 * The keys a configuration names outright are read before it comes into force, and one that is no good is a fault. Those whose
 * path depends on the domain are read when a message needs them. A file is looked at again at most once a minute, when a
 * message asks for its key; one that has become bad leaves the key that was in force. Never keeps a key's text.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync, type Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.js';
import type { Fault } from '../kernel/fault.js';
import type { DkimKey } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { MINUTE, type Instant, type Ms } from '../kernel/units.js';
import { isFixed, keyPath } from './dkim-choice.js';
import { signWith, type Algorithm, type Sign } from './dkim-signature.js';
import type { AcceptLog } from './ports.js';

export interface SigningKey {
  readonly object: KeyObject;
  readonly algorithm: Algorithm;
  readonly sign: Sign;
  /** `RSA 2048`, `Ed25519`. */
  readonly kind: string;
}

export type Found = { readonly key: SigningKey } | { readonly why: string; readonly missing: boolean };

/** How long a file is taken to be as it was. */
const LOOK_EVERY: Ms = MINUTE;
/** Files read on demand that are remembered, those that are missing included. */
const MOST_KEPT = 10_000;
/** RFC 8301 §3.2: signers use 1024 bits at least and should use 2048; verifiers take less than 1024 for no signature. */
const FEWEST_BITS = 1024;
const GOOD_BITS = 2048;

/** What a PEM text holds, or why it cannot sign. */
export function judgeKey(pem: Buffer): { ok: true; key: SigningKey; warning?: string } | { ok: false; why: string; hint: string } {
  let object: KeyObject;
  try {
    object = createPrivateKey(pem);
  } catch (error) {
    const passphrase = /ENCRYPTED/.test(pem.toString('latin1'));
    return passphrase
      ? { ok: false, why: 'is encrypted with a passphrase', hint: 'the daemon has nobody to ask: store it without one, mode 0600' }
      : {
          ok: false,
          why: `holds no private key: ${printable((error as Error).message, 100)}`,
          hint: 'a PEM file is meant; rampd dkim-key makes one',
        };
  }
  const key = (algorithm: Algorithm, kind: string): SigningKey => ({ object, algorithm, sign: signWith(object, algorithm), kind });
  if (object.asymmetricKeyType === 'ed25519') return { ok: true, key: key('ed25519-sha256', 'Ed25519') };
  if (object.asymmetricKeyType !== 'rsa')
    return { ok: false, why: `is a key of the kind ${object.asymmetricKeyType ?? 'unknown'}`, hint: 'DKIM knows RSA and Ed25519' };
  const bits = object.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < FEWEST_BITS)
    return { ok: false, why: `has ${bits} bits: receivers take such a signature for none`, hint: `make one of ${GOOD_BITS} bits` };
  return {
    ok: true,
    key: key('rsa-sha256', `RSA ${bits}`),
    ...(bits < GOOD_BITS && { warning: `has ${bits} bits: ${GOOD_BITS} are usual, and some receivers think less of fewer` }),
  };
}

export interface KeysRead {
  readonly faults: Fault[];
  readonly warnings: Fault[];
  /** The keys that are good, beside their entries. */
  readonly held: { readonly entry: DkimKey; readonly path: string; readonly key: SigningKey; readonly stamp: string }[];
}

/** Reads the keys whose files are known from the configuration alone. */
export function readFixedKeys(entries: readonly DkimKey[]): KeysRead {
  const read: KeysRead = { faults: [], warnings: [], held: [] };
  for (const entry of entries.filter(isFixed)) {
    const path = keyPath(entry, entry.domain);
    const shown = printable(path);
    const fault = (code: string, what: string, hint: string) => read.faults.push({ code, place: entry.from, what, hint });
    try {
      const found = statSync(path);
      const judged = judgeKey(readFileSync(path));
      if (!judged.ok) {
        fault('bad-key', `the key ${shown} ${judged.why}`, judged.hint);
        continue;
      }
      const warn = (code: string, what: string, hint?: string) =>
        read.warnings.push({ code, place: entry.from, what, ...(hint !== undefined && { hint }), severity: 'warning' });
      if (judged.warning !== undefined) warn('weak-key', `the key ${shown} ${judged.warning}`);
      if (readableByAll(found))
        warn('open-key', `the key ${shown} can be read by everybody on this machine`, 'chmod 0600, owned by the daemon');
      read.held.push({ entry, path, key: judged.key, stamp: stampOf(found) });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EACCES')
        fault(
          'unreadable-key',
          `the key ${shown} may not be read by this account`,
          'give it to the account the daemon becomes (user:), mode 0600',
        );
      else if (code === 'ENOENT')
        fault('no-key', `there is no key ${shown}`, 'rampd dkim-key makes one; relative paths start at the configuration file');
      else fault('bad-key', `the key ${shown} cannot be read: ${printable(message, 100)}`, 'a PEM file is meant');
    }
  }
  return read;
}

const readableByAll = (found: Stats): boolean => (found.mode & 0o004) !== 0;
const stampOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs} ${size} ${ino}`;

interface Held {
  found: Found;
  /** Of the file `found` came from; '' when there was none. */
  stamp: string;
  checked: Instant;
  looking?: Promise<void>;
}

export class Keys {
  readonly #fixed = new Map<string, Held>();
  readonly #onDemand = new Map<string, Held>();

  constructor(
    read: KeysRead,
    private readonly clock: Clock,
    private readonly log: AcceptLog,
  ) {
    for (const { path, key, stamp } of read.held) this.#fixed.set(path, { found: { key }, stamp, checked: clock.now() });
  }

  /** The key in this file; why there is none, when there is none. Never rejects. */
  async get(path: string): Promise<Found> {
    let held = this.#fixed.get(path) ?? this.#onDemand.get(path);
    if (!held) {
      held = { found: { why: 'not read yet', missing: true }, stamp: '', checked: -Infinity };
      this.#remember(path, held);
    }
    if (this.clock.now() - held.checked >= LOOK_EVERY) {
      const current = held;
      current.looking ??= this.#look(path, current).finally(() => delete current.looking);
    }
    // Also for those who ask while another looks: of two messages the later never has the older key.
    if (held.looking) await held.looking;
    return held.found;
  }

  #remember(path: string, held: Held): void {
    if (this.#onDemand.size >= MOST_KEPT) for (const oldest of this.#onDemand.keys()) if (this.#onDemand.delete(oldest)) break;
    this.#onDemand.set(path, held);
  }

  async #look(path: string, held: Held): Promise<void> {
    held.checked = this.clock.now();
    try {
      const found = await stat(path);
      if (stampOf(found) === held.stamp) return;
      const judged = judgeKey(await readFile(path));
      held.stamp = stampOf(found);
      if (!judged.ok) return this.#bad(path, held, judged.why, false);
      const remark = judged.warning ?? (readableByAll(found) ? 'can be read by everybody on this machine' : undefined);
      if (remark !== undefined) this.log.warn({ key: printable(path) }, `a DKIM key ${remark}`);
      this.log.info({ key: printable(path), kind: judged.key.kind }, 'a DKIM key was read');
      held.found = { key: judged.key };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      held.stamp = '';
      this.#bad(path, held, code === 'ENOENT' ? 'is not there' : `cannot be read: ${printable(message, 100)}`, code === 'ENOENT');
    }
  }

  /** A file read on demand that goes away was taken away; otherwise the key in force stays. */
  #bad(path: string, held: Held, why: string, missing: boolean): void {
    const stays = 'key' in held.found && !(missing && this.#onDemand.has(path));
    if (stays) this.log.warn({ key: printable(path) }, `a DKIM key ${why}; the one read before stays in force`);
    else held.found = { why, missing };
  }
}
