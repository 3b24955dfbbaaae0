/**
 * The reject log: a line for each connection, login, sender, recipient and message that was refused at acceptance.
 *
 * Under a flood it holds a thousand lines of each second and then one that counts the rest: neither memory nor the disk is
 * at the mercy of who is refused. Nothing waits for it, and a crash may lose its last second.
 */
import { wallOf, type Clock, type Timer } from '../kernel/clock.js';
import type { RejectLogSettings } from '../kernel/telling.js';
import { SECOND, type Instant } from '../kernel/units.js';
import { lineText } from './accounting-fields.js';
import { accountingTime, csvField } from './csv.js';
import { LineWriter, type LineTrouble } from './line-writer.js';
import { jsonTime } from './ndjson.js';
import { RotatedFile, type FileIo } from './rotated-file.js';

export interface Reject {
  /** Who was refused: address, or the name it is known by. */
  readonly client: string;
  readonly address?: string;
  /** What was refused: connect, command, auth, mail, rcpt, data, http. */
  readonly at?: string;
  readonly code?: number;
  readonly reply: string;
  /** As far as the dialogue had got. */
  readonly user?: string;
  readonly sender?: string;
  readonly recipient?: string;
}

export interface RejectLog {
  /** Opens the file now. Throws FaultError when it cannot be opened at all. */
  open(): Promise<void>;
  write(reject: Reject): void;
  readonly error: unknown;
  readonly waiting: number;
  readonly lost: number;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RejectLogOptions {
  readonly settings: Pick<RejectLogSettings, 'file' | 'format' | 'rotation' | 'from'>;
  readonly clock: Clock;
  readonly onTrouble: (trouble: LineTrouble) => void;
  readonly onRecovered?: (lost: number) => void;
  readonly io?: FileIo;
  /** The file is still written under other settings; it is opened when this resolves. Never rejects. */
  readonly after?: Promise<unknown>;
}

type Line = Reject & { readonly logged: Instant; readonly dropped?: number };
type Reader = (line: Line, time: (at: Instant) => string) => string | number | undefined;

const COLUMNS: readonly (readonly [string, Reader])[] = [
  ['timeLogged', (l, time) => time(l.logged)],
  ['refused', l => l.at],
  ['address', l => l.address],
  ['client', l => l.client],
  ['user', l => l.user],
  ['orig', l => l.sender],
  ['rcpt', l => l.recipient],
  ['code', l => l.code],
  ['reply', l => l.reply],
  ['dropped', l => l.dropped],
];

const MOST_A_SECOND = 1_000;
const KEEP = 4 * 1024 * 1024;

export function createRejectLog(options: RejectLogOptions): RejectLog {
  const { settings, clock, io, after } = options;
  const csv = settings.format === 'csv';
  const header = csv ? `${COLUMNS.map(([name]) => name).join(',')}\n` : '';
  const file = new RotatedFile(
    {
      file: settings.file,
      noun: 'reject log',
      from: settings.from,
      header,
      rotation: settings.rotation,
      clock,
      ...(io && { io }),
      ...(after && { after }),
    },
    error => options.onTrouble({ error, waiting: 0, lost: 0, aside: true }),
  );
  const writer = new LineWriter({ ...options, sink: file, keep: KEEP });
  const time = (at: Instant): string => (csv ? accountingTime : jsonTime)(wallOf(clock, at));
  const put = (line: Line): void => writer.write(csv ? csvLine(line, time) : jsonLine(line, time));

  let second = -1;
  let written = 0;
  let dropped = 0;
  let timer: Timer | undefined;
  const flush = (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    if (dropped > 0) {
      const reply = `${dropped} more in the same second ${dropped === 1 ? 'is' : 'are'} not listed`;
      put({ logged: clock.now(), client: '', at: 'dropped', reply, dropped });
    }
    dropped = 0;
    return writer.flush();
  };
  return {
    async open() {
      await file.open();
      await writer.flush();
    },
    write(reject) {
      const now = clock.now();
      if (Math.floor(now / SECOND) !== second) {
        second = Math.floor(now / SECOND);
        written = 0;
      }
      if (++written > MOST_A_SECOND) dropped++;
      else put({ ...reject, logged: now });
      timer ??= clock.at(now + SECOND, () => void flush());
    },
    flush,
    async close() {
      await flush();
      await writer.close();
    },
    get error() {
      return writer.error;
    },
    get waiting() {
      return writer.waiting;
    },
    get lost() {
      return writer.lost;
    },
  };
}

function csvLine(line: Line, time: (at: Instant) => string): string {
  return `${COLUMNS.map(([, read]) => csvField(read(line, time))).join(',')}\n`;
}

function jsonLine(line: Line, time: (at: Instant) => string): string {
  const object: Record<string, string | number> = {};
  for (const [name, read] of COLUMNS) {
    const value = read(line, time);
    if (value !== undefined && value !== '') object[name] = typeof value === 'string' ? lineText(value) : value;
  }
  return `${JSON.stringify(object)}\n`;
}
