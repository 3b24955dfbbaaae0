/**
 * Reading the ledger log back: all files in order, whether they are whole and how the last process ended. The records that may
 * still count are read when they are asked for, see ledger-stream.ts: a busy day has millions, and nobody needs them at once.
 *
 * A tail that a kill or a power cut tore is left out. Damage anywhere else is a fault, never a shorter history: what the log
 * forgets would be sent again above the cap. "Elsewhere" is what the file itself says was on the disk for certain, every
 * file of a run but its last, runs that ended in order, and, where the machine has not been started again since, everything
 * but a last write that was cut short.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { LastEnd, LedgerRecord } from '../kernel/ledger.js';
import type { Instant } from '../kernel/units.js';
import { BLOCK, blocksOf, KIND, type Block } from './ledger-record.js';
import { streamRecords, type Reserve, type StreamedFile } from './ledger-stream.js';

export const LEDGER_FORMAT = 1;
/** A text block is no longer: a provider is named by a host name at most (RFC 1035 section 2.3.4), an address is shorter. */
const LONGEST_TEXT = 512;

export interface LedgerFile {
  readonly number: number;
  /** Policy time of its last record. */
  readonly last: Instant;
}

export interface LedgerHistory {
  /** In order, read anew from the files each time; files that ended before `since` give only what was not settled in them. */
  readonly records: Iterable<LedgerRecord>;
  /** Reserved, neither answered nor refunded. */
  readonly unsettled: ReadonlyMap<number, Reserve>;
  readonly end: LastEnd;
  /** Was anything ever reserved, also in files long gone? */
  readonly everReserved: boolean;
  /** Policy time now, when the machine has not been started again since. */
  readonly resumeAt: Instant | undefined;
  /** Policy time of the last record of any kind: the process lived then. */
  readonly lastAt: Instant | undefined;
  readonly files: readonly LedgerFile[];
}

export const ledgerPath = (dir: string, number: number): string => join(dir, `${String(number).padStart(10, '0')}.ledger`);

/** The machine's running since its last start: an id of its own ('' when unknown), and milliseconds since then. */
export interface Boot {
  readonly id: string;
  monotonic(): number;
}

interface Run {
  readonly boot: string;
  clean: boolean;
  /** The last clock record: policy and monotonic time of the same moment. */
  clock: { readonly policy: Instant; readonly monotonic: number } | undefined;
}

/** Throws FaultError when the log is damaged or newer. Missing folder: an empty history. */
export function readLedger(dir: string, boot: Boot, since: (resumeAt: Instant | undefined) => Instant): LedgerHistory {
  const numbers = ledgerNumbers(dir);
  const reader = new HistoryReader(dir);
  numbers.forEach((number, i) => {
    const previous = numbers[i - 1];
    if (previous !== undefined && number !== previous + 1) throw damage(ledgerPath(dir, previous + 1), 'a file of the ledger is missing');
    reader.read(number);
  });
  const { run } = reader;
  const sameBoot = run !== undefined && boot.id !== '' && run.boot === boot.id;
  if (sameBoot && reader.holed !== undefined) throw damage(reader.holed, 'the ledger is damaged: a kill tears its last write alone');
  const last = Math.max(...reader.files.map(file => file.last));
  const resumeAt = sameBoot && run.clock ? Math.max(last, run.clock.policy + boot.monotonic() - run.clock.monotonic) : undefined;
  return {
    records: reader.since(since(resumeAt)),
    unsettled: reader.unsettled,
    everReserved: reader.everReserved,
    end: !run || run.clean ? 'clean' : sameBoot ? 'killed' : 'power-cut',
    resumeAt,
    lastAt: last > 0 ? last : undefined,
    files: reader.files,
  };
}

function ledgerNumbers(dir: string): number[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap(name => (/^\d{10}\.ledger$/.test(name) ? [parseInt(name, 10)] : [])).sort((a, b) => a - b);
}

const damage = (file: string, what: string): FaultError =>
  new FaultError([
    {
      code: 'ledger-damaged',
      place: { file, line: 0, col: 0 },
      what,
      hint: 'restore the ledger folder from a copy; without one, put an empty folder in its place: what left in the last hour is then not counted',
    },
  ]);

/** A reservation and the number of the file it stands in. */
interface Standing {
  readonly reserve: Reserve;
  readonly file: number;
}

class HistoryReader {
  readonly files: LedgerFile[] = [];
  everReserved = false;
  run: Run | undefined;
  /** A file of this run with blocks that are not whole, and not as a write that was cut short leaves them. */
  holed: string | undefined;
  readonly #dir: string;
  readonly #open = new Map<number, Standing>();
  /** Settled in another file, `by`, than they stand in: few, those under way when one file followed another. */
  readonly #settledLater: (Standing & { readonly by: number })[] = [];
  readonly #streamed: StreamedFile[] = [];
  /** A file of this run that was torn: right only if no other of the run follows. */
  #torn: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get unsettled(): Map<number, Reserve> {
    return new Map([...this.#open].map(([permit, { reserve }]) => [permit, reserve]));
  }

  /** Files that go on after the cutoff in full; of those before what nothing, or a later file, settles. */
  since(cutoff: Instant): Iterable<LedgerRecord> {
    const from = this.files.find(file => file.last >= cutoff)?.number ?? Infinity;
    const early = [...this.#settledLater.filter(({ by }) => by >= from), ...this.#open.values()]
      .filter(({ file }) => file < from)
      .sort((a, b) => a.file - b.file || a.reserve.at - b.reserve.at)
      .map(({ reserve }) => reserve);
    const files = this.#streamed.filter(file => file.number >= from);
    return { [Symbol.iterator]: () => streamRecords(early, files) };
  }

  read(number: number): void {
    const file = ledgerPath(this.#dir, number);
    const bytes = readFileSync(file);
    const { header, texts, certain, torn, broken } = survey(bytes);
    if (!header) return this.#headless(number, file, bytes);
    if (header.a > LEDGER_FORMAT) throw damage(file, `the ledger has format ${header.a}, this rampd knows ${LEDGER_FORMAT}`);
    if (torn < certain) throw damage(file, `the ledger is damaged at byte ${torn}`);
    if (header.b === number || !this.run) {
      this.run = { boot: texts.get(header.c) ?? '', clean: false, clock: undefined };
      this.holed = undefined;
    } else if (this.#torn !== undefined) throw damage(this.#torn, 'the ledger is damaged');
    this.#torn = torn < Infinity ? file : undefined;
    if (torn < Infinity && !cutShort(bytes, torn)) {
      // The boot id shares the header's disk sector: no power cut takes one alone.
      if (!texts.has(header.c)) throw damage(file, 'the ledger is damaged at its beginning');
      this.holed = file;
    }
    if (header.flag === 1) this.everReserved = true;
    let last = header.at;
    for (const block of blocksOf(bytes, broken)) {
      this.#take(block, texts, file, number, torn);
      if (block.at > last) last = block.at;
    }
    this.#streamed.push({ number, path: file, broken });
    if (this.run.clean && torn < Infinity) throw damage(file, `the ledger is damaged at byte ${torn}`);
    this.files.push({ number, last });
  }

  /** The process died while it made this file: right only for a file without a single whole block. */
  #headless(number: number, file: string, bytes: Buffer): void {
    const begun = (): never => {
      throw damage(file, 'the ledger is damaged at its beginning');
    };
    if (bytes.subarray(0, BLOCK).some(byte => byte !== 0) && bytes.length >= BLOCK) begun();
    for (const _ of blocksOf(bytes)) begun();
    if (this.run) this.#torn = file;
    this.files.push({ number, last: 0 });
  }

  #take(block: Block, texts: ReadonlyMap<number, string>, file: string, number: number, torn: number): void {
    const run = this.run!;
    if (run.clean) throw damage(file, `the ledger goes on behind its end at byte ${block.offset}`);
    switch (block.kind) {
      case KIND.reserve: {
        this.everReserved = true;
        // Carried over from an earlier file that is still here.
        if (this.#open.has(block.a)) return;
        const address = texts.get(block.b);
        const provider = texts.get(block.c);
        if (address === undefined || provider === undefined) {
          if (block.offset > torn) return;
          throw damage(file, `a record at byte ${block.offset} names nobody`);
        }
        const reserve: Reserve = { kind: 'reserve', permit: block.a, address, provider, slots: block.d, at: block.at };
        this.#open.set(block.a, { reserve, file: number });
        return;
      }
      case KIND.answer:
      case KIND.refund: {
        // Else its reservation left with a file older than anything that counts.
        const known = this.#open.get(block.a);
        if (known && known.file !== number) this.#settledLater.push({ ...known, by: number });
        this.#open.delete(block.a);
        return;
      }
      case KIND.clock:
        run.clock = { policy: block.at, monotonic: block.a / 1_000 };
        return;
      case KIND.clean:
        run.clean = true;
        return;
    }
  }
}

/** Is what stands from `torn` on the beginning of one block and nothing else? */
function cutShort(bytes: Buffer, torn: number): boolean {
  const left = bytes.length - torn;
  if (left < BLOCK) return true;
  return bytes[torn + 4] === KIND.text && left < LONGEST_TEXT && BLOCK + bytes.readUInt32BE(torn + 20) > left;
}

/** The file before its records: header, texts, up to where it was certainly on the disk, and where the first block is not whole. */
function survey(bytes: Buffer): {
  header: Block | undefined;
  texts: Map<number, string>;
  certain: number;
  torn: number;
  broken: ReadonlySet<number>;
} {
  const texts = new Map<number, string>();
  const broken = new Set<number>();
  let header: Block | undefined;
  let certain = 0;
  let whole = 0;
  const hole = (end: number): void => {
    for (; whole < end; whole += BLOCK) broken.add(whole);
  };
  for (const block of blocksOf(bytes)) {
    hole(block.offset);
    whole = block.end;
    if (block.offset === 0 && block.kind === KIND.header) header = block;
    if (block.text !== undefined) texts.set(block.a, block.text);
    if (block.kind === KIND.synced) certain = Math.max(certain, block.a);
  }
  hole(bytes.length);
  const [torn = Infinity] = broken;
  return { header, texts, certain, torn, broken };
}
