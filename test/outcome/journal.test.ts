/** The journal: durable, replayable, strict about damage, gentle with a torn end. */
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultError } from '../../src/kernel/fault.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import { openJournal, type Journal } from '../../src/outcome/journal.js';

let folder: string;
let file: string;
let open: Journal[] = [];

const wall = () => Date.parse('2023-11-20T12:00:00Z');
const journal = (rotateAbove?: number): Journal => {
  const opened = openJournal({ file, wall, ...(rotateAbove === undefined ? {} : { rotateAbove }) });
  open.push(opened);
  return opened;
};
const record = (id: number, more: Partial<JournalRecord> = {}): Omit<JournalRecord, 'time'> => ({
  id,
  at: id * 10,
  type: 'window-opened',
  author: 'rule:microsoft/ms-ip-reputation',
  text: `record ${id}\nof two lines`,
  ...more,
});
/** Where a link leads; the one of the descriptor that lists the others is gone by then. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
const ids = (records: Iterable<JournalRecord>) => [...records].map(r => r.id);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampd-journal-'));
  file = join(folder, 'journal.ndjson');
});

afterEach(() => {
  open.forEach(j => j.close());
  open = [];
  rmSync(folder, { recursive: true });
});

describe('append', () => {
  it('has the record on the disk when it returns, one line each', () => {
    const first = journal();
    expect(first.lastId).toBe(0);
    const full = first.append(record(1, { state: { 'window:w1': { until: 5 } }, cause: 7 }));
    expect(full).toEqual({ ...record(1), state: { 'window:w1': { until: 5 } }, cause: 7, time: '2023-11-20T12:00:00.000Z' });
    expect(readFileSync(file, 'utf8')).toMatch(/^\{.*,"sum":"[0-9a-f]{8}"\}\n$/);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...full, sum: expect.any(String) as string });
    expect(Object.keys(full).slice(0, 4)).toEqual(['id', 'at', 'time', 'type']);
    first.append(record(2));
    const again = journal();
    expect(again.lastId).toBe(2);
    expect([...again.after(0)]).toEqual([...first.after(0)]);
    expect(again.notes).toEqual([]);
  });

  it('refuses ids that do not rise', () => {
    const j = journal();
    j.append(record(5));
    expect(() => j.append(record(5))).toThrow(/does not follow 5/);
    expect(ids(j.after(0))).toEqual([5]);
  });

  it('is broken for good after a failed write', () => {
    const j = journal();
    j.append(record(1));
    // Its descriptor goes, which nothing but a bug could do; a full disk is met elsewhere.
    const fds = readdirSync('/proc/self/fd').filter(fd => linkOf(`/proc/self/fd/${fd}`) === file);
    expect(fds).toHaveLength(1);
    closeSync(Number(fds[0]));
    expect(() => j.append(record(2))).toThrow(/EBADF/);
    expect(() => j.append(record(2))).toThrow(/broken/);
    expect(j.lastId).toBe(1);
    open = [];
  });

  it('takes nothing once it is closed, and writes to no file that has its descriptor by then', () => {
    const j = journal();
    j.append(record(1));
    j.close();
    const other = openSync(join(folder, 'other'), 'w');
    writeSync(other, 'what others wrote');
    expect(() => j.append(record(2))).toThrow(/the journal is closed/);
    expect(j.rotate(1)).toBe(false);
    j.close();
    writeSync(other, ', and more');
    closeSync(other);
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('what others wrote, and more');
  });
});

describe('after and tail', () => {
  it('give what follows', () => {
    const j = journal();
    range(1, 5).forEach(id => j.append(record(id)));
    expect(ids(j.after(0))).toEqual([1, 2, 3, 4, 5]);
    expect(ids(j.after(3))).toEqual([4, 5]);
    expect(ids(j.after(9))).toEqual([]);
    expect(ids(j.tail(2))).toEqual([4, 5]);
    expect(ids(j.tail(0))).toEqual([]);
    expect(ids(journal().tail(100))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a crash', () => {
  it('tears at most the last line, wherever it strikes; everything before is kept', () => {
    const j = journal();
    range(1, 4).forEach(id => j.append(record(id)));
    const whole = readFileSync(file);
    const ends = [...whole].flatMap((byte, i) => (byte === 10 ? [i + 1] : []));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), length => {
        writeFileSync(file, whole);
        truncateSync(file, length);
        const again = openJournal({ file, wall });
        // A whole last line that lacks only its end is kept: replaying it is harmless, losing it might not be.
        const kept = ends.filter(end => end <= length || end === length + 1).length;
        expect(ids(again.after(0))).toEqual(range(1, kept));
        expect(again.notes).toHaveLength(length === 0 || ends.includes(length) ? 0 : 1);
        again.append(record(kept + 1));
        again.close();
        const third = openJournal({ file, wall });
        expect(ids(third.after(0))).toEqual(range(1, kept + 1));
        expect(third.notes).toEqual([]);
        third.close();
      }),
      { numRuns: 60 },
    );
  });

  it('may leave a last line of garbage', () => {
    const j = journal();
    j.append(record(1));
    appendFileSync(file, Buffer.alloc(100));
    const again = journal();
    expect(ids(again.after(0))).toEqual([1]);
    expect(again.notes).toEqual(['journal.ndjson:2: the last line was torn (100 bytes) and was cut away; its change never took effect']);
  });
});

describe('damage', () => {
  const lines = () => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const spoil = (change: (text: string[]) => string[]) => {
    rmSync(file, { force: true });
    const j = journal();
    range(1, 4).forEach(id => j.append(record(id)));
    writeFileSync(file, change(lines()).join('\n') + '\n');
    try {
      journal();
    } catch (error) {
      if (error instanceof FaultError) return error.faults.map(f => `${f.place.line}: ${f.what}`).join();
      throw error;
    }
    return 'opened';
  };

  it('before the last line is a fault that names the line', () => {
    expect(spoil(l => [l[0] ?? '', 'garbage', ...l.slice(2)])).toMatch(/^2: .*not JSON/);
    expect(spoil(l => ['{}', ...l.slice(1)])).toMatch(/^1: .*not a journal record/);
    expect(spoil(l => [l[1] ?? '', l[0] ?? '', ...l.slice(2)])).toMatch(/^1: .*its sum does not fit/);
    const bare = (l: string[]) => l.map(line => line.replace(/,"sum":"\w+"/, ''));
    expect(spoil(bare)).toBe('opened');
    expect(spoil(l => bare([l[1] ?? '', l[0] ?? '', ...l.slice(2)]))).toMatch(/^2: .*record 1 does not follow 2/);
    expect(
      spoil(l => [l[0] ?? '', ...l.slice(2)]),
      'a line taken out',
    ).toMatch(/^2: .*its sum does not fit/);
    expect(
      spoil(l => [...l.slice(0, 2), ...bare(l.slice(2))]),
      'sums taken off',
    ).toMatch(/^3: .*its sum does not fit/);
    const changed = (line = '') => line.replace('"at":', '"at":1');
    expect(
      spoil(l => [...l.slice(0, 3), changed(l[3])]),
      'the last one',
    ).toMatch(/^4: .*sum does not fit, though the line was written/);
    expect(spoil(l => [...l, 'garbage', 'garbage'])).toMatch(/^5: /);
    expect(spoil(l => l)).toBe('opened');
  });

  it('goes on after lines of an older version, which have no sums', () => {
    const j = journal();
    range(1, 3).forEach(id => j.append(record(id)));
    writeFileSync(file, readFileSync(file, 'utf8').replace(/,"sum":"\w+"/g, ''));
    const again = journal();
    range(4, 6).forEach(id => again.append(record(id)));
    expect(ids(journal().after(0))).toEqual(range(1, 6));
  });

  it('is a fault when the folder cannot be used', () => {
    expect(() => openJournal({ file: join(folder, 'none', 'journal.ndjson'), wall })).toThrow(/the journal cannot be written: ENOENT/);
  });
});

describe('rotate', () => {
  it('on a full disk changes nothing and leaves nothing open', () => {
    const j = journal(0);
    range(1, 4).forEach(id => j.append(record(id)));
    symlinkSync('/dev/full', `${file}.next`);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let i = 0; i < 5; i++) expect(() => j.rotate(3)).toThrow(/ENOSPC/);
    expect(descriptors()).toBe(before);
    rmSync(`${file}.next`);
    j.append(record(5));
    expect(j.rotate(4)).toBe(true);
    j.append(record(6));
    expect(ids(journal().after(0))).toEqual(range(1, 6));
  });

  it('puts aside only what the snapshot has, and replay reaches across', () => {
    const j = journal(1);
    range(1, 10).forEach(id => j.append(record(id)));
    expect(j.rotate(6)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['journal.ndjson', 'journal.ndjson.6']);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(5);
    j.append(record(11));
    expect(j.rotate(6)).toBe(false);
    expect(j.rotate(11)).toBe(true);
    j.append(record(12));
    for (const now of [j, journal(1)]) {
      expect(ids(now.after(11))).toEqual([12]);
      expect(ids(now.after(8))).toEqual([9, 10, 11, 12]);
      expect(ids(now.after(0))).toEqual(range(1, 12));
      expect(now.lastId).toBe(12);
    }
  });

  it('parts that ended before the time asked for are passed over unread; counter-test: others are read', () => {
    const j = journal(1);
    range(1, 3).forEach(id => j.append(record(id)));
    j.rotate(3);
    j.append(record(4));
    // Damage in the middle of the part shows whether anybody reads it.
    const part = `${file}.3`;
    const [first, , third] = readFileSync(part, 'utf8').split('\n');
    writeFileSync(part, [first, 'garbage', third, ''].join('\n'));
    expect(ids(j.after(0, wall() + 1))).toEqual([4]);
    expect(() => ids(j.after(0, wall()))).toThrow(/the journal is damaged here/);
    expect(() => ids(j.after(0))).toThrow(/the journal is damaged here/);
  });

  it('while somebody reads loses nothing', () => {
    const j = journal(1);
    range(1, 4).forEach(id => j.append(record(id)));
    j.rotate(2);
    const reading = j.after(0);
    const seen = [reading.next().value, reading.next().value] as JournalRecord[];
    j.append(record(5));
    j.rotate(4);
    j.append(record(6));
    expect([...ids(seen), ...ids(reading)]).toEqual(range(1, 6));
  });

  it('goes on counting when everything was put aside', () => {
    const j = journal(1);
    range(1, 3).forEach(id => j.append(record(id)));
    j.rotate(3);
    const again = journal(1);
    expect(again.lastId).toBe(3);
    expect(() => again.append(record(3))).toThrow(/does not follow 3/);
    expect(ids(again.after(2))).toEqual([3]);
  });

  it('does nothing while the file is small', () => {
    const j = journal();
    j.append(record(1));
    expect(j.rotate(1)).toBe(false);
  });

  it('may be cut short at any step', () => {
    const j = journal(1);
    range(1, 5).forEach(id => j.append(record(id)));
    writeFileSync(`${file}.next`, 'half');
    linkSync(file, `${file}.3`);
    const again = journal(1);
    expect(ids(again.after(0))).toEqual(range(1, 5));
    expect(again.lastId).toBe(5);
    expect(again.rotate(5)).toBe(true);
    again.append(record(6));
    expect(ids(again.after(0))).toEqual(range(1, 6));
  });
});
