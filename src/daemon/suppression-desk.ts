/**
 * The suppression list in people's hands: put on it, taken off it, looked through, carried in and out as CSV. Long work is done
 * a page a turn, so that mail goes on meanwhile; what changed the list is in the journal with who and why.
 */
import { canonicalDomain } from '../accept/address.js';
import { readScope, readSuppressed } from '../accept/suppressed.js';
import { Refusal, type Act } from '../control/operations.js';
import { counted, numberText } from '../control/reason-text.js';
import type { SuppressionFilter, SuppressionOperations } from '../control/suppression-operations.js';
import type { SuppressionImportView, SuppressionView } from '../control/suppression-view.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import { suppressedForm, type Suppression } from '../kernel/suppression.js';
import { globMatches, printable } from '../kernel/text.js';
import { LONGEST_LINE, SUPPRESSION_HEADER, suppressionLine, SuppressionReader } from '../outcome/suppression-csv.js';
import { holds, removalRow, suppressionRow } from '../spool/suppression-rows.js';
import type { Store } from '../spool/store.js';

/** Entries read, or written, in one turn: mail goes on in between. */
const PAGE = 500;
/** Entries put in order before they are written: neighbours in the tree are written together. */
const SORTED = 50_000;
const MOST_FAULTS = 10;

export interface SuppressionDeskParts {
  readonly clock: Clock;
  readonly store: Pick<Store, 'suppression' | 'settle'>;
  readonly governor: Pick<Governor, 'note'>;
}

export class SuppressionDesk implements SuppressionOperations {
  readonly #parts: SuppressionDeskParts;

  constructor(parts: SuppressionDeskParts) {
    this.#parts = parts;
  }

  async add(addresses: readonly string[], about: { readonly scope: string; readonly expireAfter?: number }, act: Act): Promise<number> {
    const now = this.#parts.clock.now();
    const scope = knownScope(about.scope);
    const until = about.expireAfter === undefined ? {} : { until: now + about.expireAfter };
    const note = act.why === undefined ? {} : { note: printable(act.why, 160) };
    const rows = knownAddresses(addresses).map(address =>
      suppressionRow({ address, scope, reason: 'manual', since: now, ...until, ...note }),
    );
    await this.#parts.store.settle([], [], rows);
    this.#note('suppressed', act, `${named(addresses)} put on the suppression list${scopeText(scope)}`);
    return rows.length;
  }

  async remove(addresses: readonly string[], about: string, act: Act): Promise<number> {
    // Also as it was written: old lists hold what is no address, or no domain.
    const scope = scopeOrText(about);
    const { store } = this.#parts;
    const meant = new Set(addresses.flatMap(text => [readSuppressed(text) ?? '', suppressedForm(text)]));
    const there = [...meant].filter(address => address !== '' && store.suppression.get(scope, address, -Infinity));
    if (there.length === 0) throw new Refusal(`${named(addresses)} is not on the suppression list${scopeText(scope)}`);
    await store.settle(
      [],
      [],
      there.map(address => removalRow(scope, address)),
    );
    this.#note('unsuppressed', act, `${named(there)} taken off the suppression list${scopeText(scope)}`);
    return there.length;
  }

  async list({ match: glob, scope: about, limit }: SuppressionFilter): Promise<SuppressionView[]> {
    const scope = about === undefined ? undefined : scopeOrText(about);
    const match = glob === undefined ? undefined : globForm(glob);
    const found: SuppressionView[] = [];
    const offset = this.#offset();
    for await (const page of this.#pages()) {
      for (const entry of page) {
        if (scope !== undefined && entry.scope !== scope) continue;
        if (match !== undefined && !globMatches(match, entry.address)) continue;
        found.push(view(entry, offset));
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  async *export(): AsyncGenerator<string> {
    yield SUPPRESSION_HEADER;
    const offset = this.#offset();
    for await (const page of this.#pages()) yield page.map(entry => suppressionLine(entry, offset)).join('');
  }

  async import(text: AsyncIterable<Buffer | string>, about: { readonly scope: string }, act: Act): Promise<SuppressionImportView> {
    const result: SuppressionImportView = { taken: 0, faulty: 0, faults: [] };
    const assumed = {
      scope: knownScope(about.scope),
      reason: 'manual',
      now: this.#parts.clock.now(),
      offset: this.#offset(),
      ...(act.why === undefined ? {} : { note: printable(act.why, 160) }),
    } as const;
    const reader = new SuppressionReader(assumed, { address: readSuppressed, scope: readScope });
    let entries: Suppression[] = [];
    let number = 0;
    let whole = false;
    try {
      for await (const line of linesOf(text)) {
        number++;
        const read = reader.read(line);
        if (read.kind === 'entry') entries.push(read.entry);
        if (read.kind === 'fault') {
          result.faulty++;
          if (result.faults.length < MOST_FAULTS) result.faults.push({ line: number, what: read.what });
        }
        if (entries.length >= SORTED) {
          await this.#write(entries, result);
          entries = [];
        }
      }
      await this.#write(entries, result);
      whole = true;
    } finally {
      const faulty = result.faulty > 0 ? ` (${counted(result.faulty, 'line')} could not be read)` : '';
      const end = whole ? '' : ', then the file broke off';
      if (result.taken > 0)
        this.#note('imported', act, `${counted(result.taken, 'address', 'addresses')} put on the suppression list${faulty}${end}`);
    }
    return result;
  }

  /** Forgets entries that hold no more. */
  async prune(): Promise<void> {
    const { clock } = this.#parts;
    for await (const page of this.#pages(true)) {
      const over = page.filter(entry => !holds(entry, clock.now()));
      if (over.length > 0)
        await this.#parts.store.settle(
          [],
          [],
          over.map(entry => removalRow(entry.scope, entry.address)),
        );
    }
  }

  #offset(): number {
    return this.#parts.clock.wall() - this.#parts.clock.now();
  }

  #note(type: 'suppressed' | 'unsuppressed' | 'imported', act: Act, text: string): void {
    const why = act.why === undefined ? '' : `: ${act.why}`;
    this.#parts.governor.note(type, `operator:${act.author}`, `${text}${why}`, this.#parts.clock.now());
  }

  async #write(entries: Suppression[], result: SuppressionImportView): Promise<void> {
    const place = (entry: Suppression): string => `${entry.scope}\0${entry.address}`;
    const sorted = entries
      .map(entry => ({ entry, place: place(entry) }))
      .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0));
    for (let at = 0; at < sorted.length; at += PAGE) {
      const rows = sorted.slice(at, at + PAGE).map(({ entry }) => suppressionRow(entry));
      await this.#parts.store.settle([], [], rows);
      result.taken += rows.length;
    }
  }

  /** The whole list, a page a turn; only entries that hold, unless told otherwise. */
  async *#pages(all = false): AsyncGenerator<Suppression[]> {
    let last: Suppression | undefined;
    for (;;) {
      const page = this.#parts.store.suppression.page(PAGE, last);
      last = page.at(-1);
      const now = this.#parts.clock.now();
      yield all ? page : page.filter(entry => holds(entry, now));
      if (page.length < PAGE) return;
      await new Promise(resolve => setImmediate(resolve));
    }
  }
}

function view(entry: Suppression, offset: number): SuppressionView {
  const time = (at: number): string => new Date(Math.round(at + offset)).toISOString();
  return {
    address: printable(entry.address),
    scope: entry.scope === '' ? null : entry.scope,
    reason: entry.reason,
    since: time(entry.since),
    until: entry.until === undefined ? null : time(entry.until),
    ...(entry.note === undefined ? {} : { note: printable(entry.note) }),
  };
}

/** Entries have their domains in ASCII. */
function globForm(glob: string): string {
  const at = glob.lastIndexOf('@') + 1;
  return glob.slice(0, at) + (canonicalDomain(glob.slice(at)) ?? glob.slice(at));
}

const scopeOrText = (text: string): string => readScope(text) ?? text.trim().toLowerCase();

function knownScope(text: string): string {
  const scope = readScope(text);
  if (scope === undefined) throw new Refusal(`${printable(text, 80)} is no sender domain`);
  return scope;
}

function knownAddresses(addresses: readonly string[]): string[] {
  return addresses.map(text => {
    const address = readSuppressed(text);
    if (address === undefined) throw new Refusal(`${printable(text, 80)} is no address`);
    return address;
  });
}

const scopeText = (scope: string): string => (scope === '' ? '' : ` for mail from ${scope}`);

const named = (addresses: readonly string[]): string =>
  addresses.length === 1 ? printable(addresses[0] ?? '', 120) : `${numberText(addresses.length)} addresses`;

/** Of a line that is longer than any entry only enough is kept to see that. */
async function* linesOf(text: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of text) {
    const lines = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n');
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE + 1);
    yield* lines;
  }
  if (rest !== '') yield rest;
}
