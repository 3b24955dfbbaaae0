/** Accounting: columns, quoting, group writes, rotation, and a disk that fails. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FIELDS, type AttemptRecord } from '../../src/kernel/accounting.js';
import { DAY, SECOND } from '../../src/kernel/units.js';
import type { Rotation } from '../../src/kernel/telling.js';
import { createAccounting, type AccountingOptions, type AccountingTrouble } from '../../src/outcome/accounting.js';
import { accountingTime, csvField, csvLines } from '../../src/outcome/csv.js';
import type { FileIo } from '../../src/outcome/rotated-file.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { parseCsv } from './parse-csv.js';

const DBT = { d: FIELDS.d, b: FIELDS.b, t: FIELDS.t };
const CSV = csvLines(DBT);
const FROM = { file: 'rampd.yaml', line: 9, col: 13 };
const START = Date.parse('2023-11-20T12:00:00Z');

const record = (more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  type: 'd',
  logged: START,
  queued: START - 60_000,
  orig: 'news@example.com',
  rcpt: 'ann@example.net',
  status: '2.0.0',
  diag: '250 2.0.0 OK',
  mta: 'mx1.example.net',
  client: 'app1',
  sourceIp: '192.0.2.10',
  destinationIp: '198.51.100.7',
  size: 4_096,
  source: 'hot-1',
  queue: 'example.net@marketing',
  pool: 'marketing',
  class: 'delivered',
  provider: 'example',
  ...more,
});

describe('lines', () => {
  const named = (r: AttemptRecord) => {
    const [header = [], row = []] = parseCsv(CSV.header + CSV.line(r, accountingTime));
    return Object.fromEntries(header.map((name, i) => [name, row[i]]));
  };

  it('have the columns PowerMTA users know, in order, and ours behind them', () => {
    expect(CSV.header.trim()).toBe(
      'type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,' +
        'dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool,class,rule,provider,stage,uncertain,message',
    );
    expect(named(record({ stage: 3, uncertain: true, job: 'spring' }))).toEqual({
      type: 'd',
      timeLogged: '2023-11-20 12:00:00+0000',
      timeQueued: '2023-11-20 11:59:00+0000',
      orig: 'news@example.com',
      rcpt: 'ann@example.net',
      orcpt: '',
      dsnAction: 'relayed',
      dsnStatus: '2.0.0',
      dsnDiag: 'smtp;250 2.0.0 OK',
      dsnMta: 'mx1.example.net (198.51.100.7)',
      bounceCat: '',
      srcType: 'smtp',
      srcMta: 'app1',
      dlvType: 'smtp',
      dlvSourceIp: '192.0.2.10',
      dlvDestinationIp: '198.51.100.7',
      dlvEsmtpAvailable: '',
      dlvSize: '4096',
      vmta: 'hot-1',
      jobId: 'spring',
      envId: '',
      queue: 'example.net@marketing',
      vmtaPool: 'marketing',
      class: 'delivered',
      rule: '',
      provider: 'example',
      stage: '3',
      uncertain: '1',
      message: '',
    });
    expect(named(record({ type: 'b', category: 'bad-mailbox' }))).toMatchObject({
      dsnAction: 'failed',
      bounceCat: 'bad-mailbox',
      uncertain: '0',
    });
    expect(named(record({ type: 't' }))).toMatchObject({ dsnAction: 'delayed' });
  });

  it('survive whatever a remote host says, one line each', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), text => {
        const line = CSV.line(record({ diag: text, job: text, mta: text }), accountingTime);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(parseCsv(line).map(row => row.length)).toEqual([29]);
      }),
    );
    expect(csvField('say "hi", twice')).toBe('"say ""hi"", twice"');
    expect(csvField('a\r\nb\u0000c')).toBe('a b c');
    expect(csvField(undefined)).toBe('');
  });
});

describe('the file', () => {
  let folder: string;
  let file: string;
  let troubles: AccountingTrouble[];
  let clock: ReturnType<typeof createManualClock>;
  const close: (() => Promise<void>)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rampd-accounting-'));
    file = join(folder, 'acct.csv');
    troubles = [];
    clock = createManualClock(START);
  });

  afterEach(async () => {
    for (const end of close.splice(0)) await end();
    rmSync(folder, { recursive: true });
  });

  async function open(more: Partial<AccountingOptions> & { rotation?: Partial<Rotation>; file?: string } = {}) {
    const rotation = { every: DAY, maxSize: Infinity, compress: false, ...more.rotation };
    const settings = { file: more.file ?? file, format: 'csv' as const, fields: DBT, rotation, from: FROM };
    const accounting = createAccounting({ settings, clock, onTrouble: t => troubles.push(t), ...more });
    await accounting.open();
    close.push(() => accounting.close());
    return accounting;
  }
  const rcpts = (name = file, text = readFileSync(name, 'utf8')) => {
    const [header, ...rows] = parseCsv(text);
    expect(`${header?.join(',')}\n`).toBe(CSV.header);
    return rows.map(row => row[4]);
  };

  it('holds everything written before flush resolved, many callers sharing one write', async () => {
    let writes = 0;
    let syncs = 0;
    const io: FileIo = {
      write: async (handle, bytes) => {
        writes++;
        return (await handle.write(bytes)).bytesWritten;
      },
      sync: async handle => {
        syncs++;
        await handle.datasync();
      },
    };
    const accounting = await open({ io });
    const all = Array.from({ length: 100 }, async (_, i) => {
      accounting.write(record({ rcpt: `u${i}` }));
      await accounting.flush();
      expect(rcpts()).toContain(`u${i}`);
    });
    await Promise.all(all);
    expect(rcpts()).toEqual(all.map((_, i) => `u${i}`));
    expect(writes).toBeLessThanOrEqual(3);
    expect(syncs).toBe(writes);
    expect(accounting.waiting).toBe(0);
  });

  it('goes on where it stopped, and ends a line that a crash tore', async () => {
    const first = await open();
    first.write(record({ rcpt: 'one' }));
    await first.close();
    writeFileSync(file, `${readFileSync(file, 'utf8')}d,2023-11`);
    const second = await open();
    second.write(record({ rcpt: 'two' }));
    await second.flush();
    expect(rcpts()).toEqual(['one', undefined, 'two']);
  });

  it('is put aside at the end of its period, idle or not, and compressed', async () => {
    const accounting = await open({ rotation: { compress: true } });
    accounting.write(record({ rcpt: 'monday' }));
    await accounting.flush();
    clock.advance(DAY / 2);
    await accounting.flush();
    accounting.write(record({ rcpt: 'tuesday' }));
    await accounting.close();
    await accounting.flush();
    expect(readdirSync(folder).sort()).toEqual(['acct-20231120T000000Z.csv.gz', 'acct.csv']);
    expect(rcpts('', gunzipSync(readFileSync(join(folder, 'acct-20231120T000000Z.csv.gz'))).toString())).toEqual(['monday']);
    expect(accounting.lost).toBe(0);
  });

  it('is nothing for others to read; what is compressed keeps its mode', async () => {
    const mode = (name: string) => statSync(join(folder, name)).mode & 0o777;
    writeFileSync(join(folder, 'acct-20231118T000000Z.csv'), 'monday', { mode: 0o600 });
    await (await open({ rotation: { compress: true } })).close();
    expect(mode('acct.csv') & 0o007).toBe(0);
    expect(mode('acct-20231118T000000Z.csv.gz')).toBe(0o600);
    chmodSync(file, 0o644);
    await (await open()).close();
    expect(mode('acct.csv')).toBe(0o644);
  });

  it('is not put aside before', async () => {
    const accounting = await open();
    accounting.write(record({ rcpt: 'one' }));
    clock.advance(DAY / 2 - 1);
    await accounting.flush();
    expect(readdirSync(folder)).toEqual(['acct.csv']);
  });

  it('starts anew beside a file of an earlier period or with other columns, overwriting nothing', async () => {
    writeFileSync(file, 'other,columns\n1,2\n');
    utimesSync(file, START / 1000, START / 1000);
    writeFileSync(join(folder, 'acct-20231120T000000Z.csv'), 'taken');
    await (await open()).close();
    expect(readFileSync(join(folder, 'acct-20231120T000000Z-1.csv'), 'utf8')).toBe('other,columns\n1,2\n');
    utimesSync(file, START / 1000 - 86_400, START / 1000 - 86_400);
    const accounting = await open();
    accounting.write(record());
    await accounting.flush();
    expect(readdirSync(folder).sort()).toEqual([
      'acct-20231119T000000Z.csv',
      'acct-20231120T000000Z-1.csv',
      'acct-20231120T000000Z.csv',
      'acct.csv',
    ]);
  });

  it('starts anew where it was CSV and is to be JSON, and the other way', async () => {
    const json = {
      settings: { file, format: 'ndjson' as const, fields: DBT, rotation: { every: DAY, maxSize: Infinity, compress: false }, from: FROM },
    };
    for (const more of [{}, json, json, {}]) {
      const accounting = await open(more);
      accounting.write(record({ rcpt: 'ann' }));
      await accounting.close();
      utimesSync(file, START / 1000, START / 1000);
    }
    const text = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect(rcpts('', text('acct-20231120T000000Z.csv'))).toEqual(['ann']);
    expect(
      text('acct-20231120T000000Z-1.csv')
        .trim()
        .split('\n')
        .map(line => (JSON.parse(line) as { rcpt: string }).rcpt),
    ).toEqual(['ann', 'ann']);
    expect(rcpts()).toEqual(['ann']);
  });

  it('compresses what a crash left uncompressed', async () => {
    writeFileSync(join(folder, 'acct-20231118T000000Z.csv'), 'old');
    writeFileSync(join(folder, 'acct-notes.csv'), 'mine');
    await (await open({ rotation: { compress: true } })).close();
    expect(readdirSync(folder).sort()).toEqual(['acct-20231118T000000Z.csv.gz', 'acct-notes.csv', 'acct.csv']);
  });

  it('is begun anew when others moved it away', async () => {
    const accounting = await open();
    accounting.write(record({ rcpt: 'one' }));
    await accounting.flush();
    renameSync(file, join(folder, 'moved.csv'));
    clock.advance(6 * SECOND);
    accounting.write(record({ rcpt: 'two' }));
    await accounting.flush();
    expect(rcpts(join(folder, 'moved.csv'))).toEqual(['one']);
    expect(rcpts()).toEqual(['two']);
  });

  describe('put aside', () => {
    /** Lines of about 200 bytes, one flush each. */
    const fill = async (accounting: Awaited<ReturnType<typeof open>>, from: number, to: number) => {
      for (let i = from; i < to; i++) {
        accounting.write(record({ rcpt: `u${i}` }));
        await accounting.flush();
      }
    };
    const aside = (where = folder) =>
      readdirSync(where)
        .filter(name => name !== 'acct.csv')
        .sort();

    it('when it is big enough, each file numbered within its period, nothing missing', async () => {
      const accounting = await open({ rotation: { maxSize: 1_000 } });
      await fill(accounting, 0, 12);
      const names = aside().sort((a, b) => a.length - b.length || a.localeCompare(b));
      expect(names.length).toBeGreaterThan(1);
      expect(names).toEqual(names.map((_, i) => `acct-20231120T000000Z${i === 0 ? '' : `-${i}`}.csv`));
      expect([...names.map(n => join(folder, n)), file].flatMap(name => rcpts(name))).toEqual(
        Array.from({ length: 12 }, (_, i) => `u${i}`),
      );
    });

    it('only when it is big enough', async () => {
      await fill(await open({ rotation: { maxSize: 100_000 } }), 0, 12);
      expect(aside()).toEqual([]);
    });

    it('by size alone it is named after the moment', async () => {
      await fill(await open({ rotation: { every: Infinity, maxSize: 1_000 } }), 0, 5);
      expect(aside()).toEqual(['acct-20231120T120000Z.csv']);
    });

    it('into its folder, compressed; a crash before that is made good at the next start', async () => {
      const moveTo = join(folder, 'archive');
      writeFileSync(join(folder, 'acct-20231119T000000Z.csv'), 'left behind');
      const accounting = await open({ rotation: { moveTo, compress: true } });
      accounting.write(record({ rcpt: 'monday' }));
      await accounting.flush();
      clock.advance(DAY);
      await accounting.flush();
      await accounting.close();
      expect(aside()).toEqual(['archive']);
      expect(aside(moveTo)).toEqual(['acct-20231119T000000Z.csv.gz', 'acct-20231120T000000Z.csv.gz']);
      expect(rcpts('', gunzipSync(readFileSync(join(moveTo, 'acct-20231120T000000Z.csv.gz'))).toString())).toEqual(['monday']);
    });

    it('into its folder as it is', async () => {
      const moveTo = join(folder, 'archive');
      const accounting = await open({ rotation: { moveTo } });
      accounting.write(record({ rcpt: 'monday' }));
      await accounting.flush();
      clock.advance(DAY);
      await accounting.close();
      expect(rcpts(join(moveTo, 'acct-20231120T000000Z.csv'))).toEqual(['monday']);
    });

    it('and deleted when there are more than are to be kept, the oldest first, and nothing else', async () => {
      writeFileSync(join(folder, 'acct-notes.csv'), 'mine');
      writeFileSync(join(folder, 'other-20231101T000000Z.csv'), 'mine');
      const accounting = await open({ rotation: { maxSize: 400, retain: { count: 2 } } });
      for (let i = 0; i < 12; i += 2) await fill(accounting, i, i + 2);
      await accounting.close();
      const kept = aside().filter(name => name.startsWith('acct-2'));
      expect(kept).toHaveLength(2);
      expect(
        kept
          .flatMap(name => rcpts(join(folder, name)))
          .concat(rcpts())
          .at(-1),
      ).toBe('u11');
      expect(aside()).toContain('acct-notes.csv');
      expect(aside()).toContain('other-20231101T000000Z.csv');
    });

    it('and deleted when they are too old, not before', async () => {
      for (const day of ['01', '17', '18']) writeFileSync(join(folder, `acct-202311${day}T000000Z.csv.gz`), 'old');
      await (await open({ rotation: { retain: { age: 2 * DAY } } })).close();
      // Of the 17th is what was written until the 18th began, two and a half days ago.
      expect(aside()).toEqual(['acct-20231118T000000Z.csv.gz']);
    });

    it('what cannot be compressed is told, keeps nothing else from being deleted, and is compressed with the next one', async () => {
      const obstacle = join(folder, 'acct-20231120T000000Z.csv.gz.part');
      mkdirSync(obstacle);
      writeFileSync(join(folder, 'acct-20231101T000000Z.csv.gz'), 'old');
      const accounting = await open({ rotation: { compress: true, retain: { age: 17 * DAY } } });
      await fill(accounting, 0, 1);
      await clock.run(DAY / 2);
      await expect.poll(() => troubles).toMatchObject([{ aside: true, waiting: 0, lost: 0 }]);
      await fill(accounting, 1, 2);
      expect([rcpts(), accounting.error]).toEqual([['u1'], undefined]);
      await clock.run(DAY);
      await expect.poll(() => troubles.length).toBe(2);
      // The disk is not full of what is to go because something else could not be packed.
      expect(existsSync(join(folder, 'acct-20231101T000000Z.csv.gz'))).toBe(false);
      expect(existsSync(join(folder, 'acct-20231121T000000Z.csv.gz'))).toBe(true);
      rmSync(obstacle, { recursive: true });
      await clock.run(DAY);
      await accounting.close();
      expect(troubles).toHaveLength(2);
      expect(aside().filter(name => !name.endsWith('.gz'))).toEqual([]);
      expect(rcpts('', gunzipSync(readFileSync(join(folder, 'acct-20231120T000000Z.csv.gz'))).toString())).toEqual(['u0']);
    });

    it('does not write into a file that somebody else still writes', async () => {
      let release = (): void => undefined;
      const rotation = { every: DAY, maxSize: Infinity, compress: false };
      const settings = { file, format: 'csv' as const, fields: DBT, rotation, from: FROM };
      const after = new Promise<void>(resolve => (release = resolve));
      const accounting = createAccounting({ settings, clock, onTrouble: t => troubles.push(t), after });
      accounting.write(record({ rcpt: 'one' }));
      const flushed = accounting.flush();
      await new Promise(setImmediate);
      expect(existsSync(file)).toBe(false);
      release();
      await flushed;
      expect(rcpts()).toEqual(['one']);
      await accounting.close();
    });
  });

  it('is a fault when it cannot be opened at all', async () => {
    await expect(open({ file: join(folder, 'none', 'acct.csv') })).rejects.toThrow(
      /^rampd\.yaml:9:13: the accounting file .*acct\.csv cannot be opened: ENOENT/,
    );
    // Nothing was begun beside it, whose failing would be told as trouble of a file in use.
    const moveTo = join(folder, 'done');
    await expect(open({ file: join(folder, 'none', 'acct.csv'), rotation: { moveTo } })).rejects.toThrow(/ENOENT/);
    expect(existsSync(moveTo)).toBe(false);
  });

  describe('on a disk that fails', () => {
    /** Writes at most `room` more bytes, in pieces. */
    const disk = () => {
      const state = {
        room: Infinity,
        io: {
          write: async (handle, bytes) => {
            const take = Math.min(bytes.length, state.room, 100);
            if (take === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
            state.room -= take;
            return (await handle.write(bytes.subarray(0, take))).bytesWritten;
          },
          sync: handle => handle.datasync(),
        } satisfies FileIo as FileIo,
      };
      return state;
    };

    it('mail goes on, nothing is torn, doubled or lost, and somebody is told', async () => {
      const failing = disk();
      let recovered = 0;
      const accounting = await open({ io: failing.io, onRecovered: () => recovered++ });
      accounting.write(record({ rcpt: 'one' }));
      await accounting.flush();
      failing.room = 150;
      for (const rcpt of ['two', 'three', 'four']) {
        accounting.write(record({ rcpt }));
        await accounting.flush();
      }
      expect(troubles).toMatchObject([{ waiting: 1, lost: 0, error: { code: 'ENOSPC' } }]);
      expect(accounting.waiting).toBe(3);
      failing.room = Infinity;
      await clock.run(2 * SECOND);
      await accounting.flush();
      expect(rcpts()).toEqual(['one', 'two', 'three', 'four']);
      expect([recovered, accounting.waiting, accounting.lost]).toEqual([1, 0, 0]);
    });

    it('a line cut in two is finished in the file in which it began, though the period is over', async () => {
      const failing = disk();
      const accounting = await open({ io: failing.io });
      accounting.write(record({ rcpt: 'one' }));
      await accounting.flush();
      failing.room = 100;
      accounting.write(record({ rcpt: 'two' }));
      await accounting.flush();
      clock.advance(DAY);
      await accounting.flush();
      expect(troubles).not.toEqual([]);
      failing.room = Infinity;
      clock.advance(2 * SECOND);
      await accounting.flush();
      accounting.write(record({ rcpt: 'three' }));
      await accounting.flush();
      expect(rcpts(join(folder, 'acct-20231120T000000Z.csv'))).toEqual(['one', 'two']);
      expect(rcpts()).toEqual(['three']);
    });

    it('memory is bounded, what is given up is counted, and people are reminded each minute', async () => {
      const failing = disk();
      const accounting = await open({ io: failing.io, keep: 1_000 });
      await accounting.flush();
      failing.room = 0;
      for (let i = 0; i < 60; i++) {
        accounting.write(record({ rcpt: `u${i}` }));
        await accounting.flush();
      }
      const kept = accounting.waiting;
      expect(kept).toBeGreaterThan(1);
      expect(kept).toBeLessThan(10);
      expect(accounting.lost).toBe(60 - kept);
      expect(troubles).toHaveLength(1);
      for (let i = 0; i < 62; i++) await clock.run(SECOND);
      await accounting.flush();
      expect(troubles).toHaveLength(2);
      expect(troubles[1]).toMatchObject({ waiting: kept, lost: 60 - kept });
      failing.room = Infinity;
      await clock.run(2 * SECOND);
      await accounting.flush();
      expect(rcpts()).toHaveLength(kept);
    });

    it('that does not answer stops no mail either; when it does, everything is there', async () => {
      let hung: Promise<void> | undefined;
      let release: () => void = () => undefined;
      const io: FileIo = {
        ...disk().io,
        sync: () => hung ?? Promise.resolve(),
      };
      let recovered = 0;
      const accounting = await open({ io, patience: 20, onRecovered: () => recovered++ });
      hung = new Promise(resolve => (release = resolve));
      accounting.write(record({ rcpt: 'one' }));
      const first = accounting.flush();
      accounting.write(record({ rcpt: 'two' }));
      await Promise.all([first, accounting.flush()]);
      accounting.write(record({ rcpt: 'three' }));
      clock.advance(10 * SECOND);
      await accounting.flush();
      expect(troubles).toMatchObject([{ waiting: 2, lost: 0, error: { message: 'the disk did not answer within 20ms' } }]);
      expect(accounting.waiting).toBe(3);
      hung = undefined;
      release();
      await expect.poll(() => recovered).toBe(1);
      await accounting.flush();
      expect([rcpts(), accounting.waiting, accounting.error]).toEqual([['one', 'two', 'three'], 0, undefined]);
    });

    it('that does not answer is not waited for at the end', async () => {
      const accounting = await open({ io: { ...disk().io, sync: () => new Promise(() => undefined) }, patience: 20 });
      accounting.write(record());
      await accounting.close();
      expect(accounting.lost).toBe(1);
    });

    it('what cannot be written by the end is counted as lost', async () => {
      const failing = disk();
      const accounting = await open({ io: failing.io });
      await accounting.flush();
      failing.room = 0;
      accounting.write(record());
      await accounting.close();
      expect(accounting.lost).toBe(1);
      expect(existsSync(file)).toBe(true);
    });
  });
});
