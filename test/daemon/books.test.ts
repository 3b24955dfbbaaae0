/** The books: who gets which records, and reloads that change files under way. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { memoryFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import { Books } from '../../src/daemon/books.js';
import { createLog, type Log } from '../../src/daemon/log.js';
import type { AttemptRecord } from '../../src/kernel/accounting.js';
import type { Settings } from '../../src/kernel/settings.js';
import { DAY, SECOND } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.parse('2023-11-20T12:00:00Z');
let folder: string;
let clock: ReturnType<typeof createManualClock>;
let books: Books;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampd-books-'));
  clock = createManualClock(START);
});
afterEach(async () => {
  await books.close();
  rmSync(folder, { recursive: true });
});

const settings = (more: string): Settings => {
  const text = `host-name: mta.example.com
state-dir: ${folder}
listeners: [{ address: "127.0.0.1:2525" }]
sources: { hot-1: { address: 192.0.2.10, warm-up: none } }
pools: { main: { sources: [hot-1] } }
${more}`;
  const { settings: read, faults } = loadSettings('/rampd.yaml', memoryFiles({ '/rampd.yaml': text }));
  expect(faults).toEqual([]);
  return read as Settings;
};
const open = async (more: string, log = createLog({ log: { level: 'error', file: '/dev/null' } }, false)) => {
  books = new Books({ clock, log, random: () => 0.5, dir: join(folder, 'webhooks'), trouble: () => undefined }, settings(more));
  await books.open();
};
const turn = async (more: string) => (await books.prepare(settings(more))).adopt();
const attempt = (type: 'd' | 'b' | 't', rcpt: string): AttemptRecord => ({
  type,
  logged: START,
  queued: START,
  orig: 'o',
  rcpt,
  client: 'c',
  size: 1,
  queue: 'q',
  pool: 'main',
  class: 'other',
});
const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim().split('\n');

it('hands each record to the files that asked for its type, received mail among them', async () => {
  await open(`accounting:
  - { file: ${folder}/good.csv, records: d, fields: [rcpt] }
  - { file: ${folder}/all.ndjson, records: [d, b, r, w], fields: { d: [rcpt], b: [rcpt], r: [rcpt, message, dlvSize], w: [event] } }
`);
  books.write(attempt('d', 'ann'));
  books.write(attempt('b', 'bob'));
  books.write(attempt('t', 'tom'));
  await books.flush();
  expect(read('good.csv')).toEqual(['type,rcpt', 'd,ann']);
  const envelope = { sender: 's', pool: 'main', warmUp: 'allow' as const, accepted: START, client: 'c' };
  books.received(31, envelope, [{ address: 'x@a.example' }, { address: 'y@b.example' }], 500);
  books.changed({ id: 1, at: START, time: '', type: 'window-opened', author: 'a', text: 't' });
  books.changed({ id: 2, at: START, time: '', type: 'reloaded', author: 'a', text: 't' });
  await clock.run(SECOND);
  await books.flush();
  expect(read('all.ndjson').map(line => JSON.parse(line) as unknown)).toEqual([
    { type: 'd', rcpt: 'ann' },
    { type: 'b', rcpt: 'bob' },
    { type: 'r', rcpt: 'x@a.example', message: '00-000000001f', dlvSize: 500 },
    { type: 'r', rcpt: 'y@b.example', message: '00-000000001f', dlvSize: 500 },
    { type: 'w', event: 'window-opened' },
  ]);
});

it('a reload changes columns and files, and no record is missing or in the wrong one', async () => {
  await open(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt], compress: none }`);
  books.write(attempt('d', 'one'));
  await turn(`accounting: { file: ${folder}/a.csv, records: [d, b], fields: [rcpt, dlvSize], compress: none }`);
  books.write(attempt('b', 'two'));
  await books.flush();
  await turn(`accounting: { file: ${folder}/b.csv, records: d, fields: [rcpt] }`);
  books.write(attempt('d', 'three'));
  await books.flush();
  await books.close();
  expect(readdirSync(folder).sort()).toEqual(['a-20231120T000000Z.csv', 'a.csv', 'b.csv'].map(n => n.replace('20231120', today(folder))));
  expect(read(`a-${today(folder)}T000000Z.csv`)).toEqual(['type,rcpt', 'd,one']);
  expect(read('a.csv')).toEqual(['type,rcpt,dlvSize', 'b,two,1']);
  expect(read('b.csv')).toEqual(['type,rcpt', 'd,three']);
});

/** A file put aside because of its columns is named after when it was written, by the real clock of the file system. */
const today = (dir: string) => /a-(\d{8})T/.exec(readdirSync(dir).join(' '))?.[1] ?? '';

it('a reload that cannot open its files changes nothing', async () => {
  await open(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt] }`);
  const faulty = settings(`accounting: [{ file: ${folder}/new.csv }, { file: ${folder}/none/a.csv }]`);
  await expect(books.prepare(faulty)).rejects.toThrow(/the accounting file .*none\/a\.csv cannot be opened/);
  books.write(attempt('d', 'one'));
  await books.flush();
  expect(read('a.csv')).toEqual(['type,rcpt', 'd,one']);
  expect(read('new.csv')[0]).toMatch(/^type,/);
});

it('refusals go to the reject log, whose path a reload may change', async () => {
  await open(`reject-log: { file: ${folder}/r.csv }`);
  const refusal = { client: 'c', address: '10.0.0.1', at: 'connect' as const, code: 421, reply: '421 no' };
  books.refused(refusal);
  await turn(`reject-log: { file: ${folder}/s.csv }`);
  books.refused(refusal);
  await books.close();
  expect(read('r.csv')).toHaveLength(2);
  expect(read('s.csv')).toHaveLength(2);
});

it('records that a file takes with it when a reload closes it are counted in the log', async () => {
  const said: { lost?: number }[] = [];
  let told: () => void = () => undefined;
  const lost = new Promise<void>(resolve => (told = resolve));
  const note = (fields: { lost?: number }) => {
    said.push(fields);
    if (fields.lost) told();
  };
  mkdirSync(join(folder, 'gone'));
  const file = join(folder, 'gone', 'a.csv');
  await open(`accounting: { file: ${file}, records: d, fields: [rcpt] }`, { error: note, warn: note } as unknown as Log);
  books.write(attempt('d', 'one'));
  await books.flush();
  rmSync(join(folder, 'gone'), { recursive: true });
  await clock.run(10 * SECOND);
  books.write(attempt('d', 'two'));
  books.write(attempt('d', 'three'));
  await turn(`accounting: { file: ${file}, records: d, fields: [rcpt, dlvSize] }`);
  await lost;
  mkdirSync(join(folder, 'gone'));
  books.write(attempt('d', 'four'));
  await books.close();
  expect(said.filter(fields => fields.lost)).toEqual([{ file, lost: 2, error: expect.stringContaining('ENOENT') as string }]);
  expect(read('gone/a.csv')).toEqual(['type,rcpt,dlvSize', 'd,four,1']);
});

it('a reload and a stop do not wait until what was put aside is compressed; it is compressed all the same', async () => {
  await open(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt] }`);
  books.write(attempt('d', 'one'));
  await books.flush();
  const packed = join(folder, `a-${new Date(START - DAY / 2).toISOString().slice(0, 10).replaceAll('-', '')}T000000Z.csv.gz`);
  // Nobody reads this pipe: compressing into it takes for ever.
  execFileSync('mkfifo', [`${packed}.part`]);
  await clock.run(DAY);
  books.write(attempt('d', 'two'));
  await books.flush();
  expect(readdirSync(folder).filter(name => name.startsWith('a-'))).toEqual([basename(packed, '.gz'), basename(`${packed}.part`)]);
  await turn(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt], retain: 30d }`);
  books.write(attempt('d', 'three'));
  await books.flush();
  expect(read('a.csv')).toEqual(['type,rcpt', 'd,two', 'd,three']);
  await books.close();
  // The pipe breaks off, and whoever opened the file next does it again.
  const reader = openSync(`${packed}.part`, constants.O_RDONLY | constants.O_NONBLOCK);
  rmSync(`${packed}.part`);
  closeSync(reader);
  await expect.poll(() => existsSync(packed)).toBe(true);
  expect(gunzipSync(readFileSync(packed)).toString()).toBe('type,rcpt\nd,one\n');
});

it('a reload with a folder for files put aside that cannot be made changes nothing', async () => {
  await open(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt] }`);
  writeFileSync(join(folder, 'file'), '');
  const faulty = settings(`accounting: { file: ${folder}/a.csv, records: d, fields: [rcpt], move-to: ${folder}/file/done }`);
  await expect(books.prepare(faulty)).rejects.toThrow(/the folder .*file\/done for files put aside cannot be used: ENOTDIR/);
  books.write(attempt('d', 'one'));
  await books.flush();
  expect(read('a.csv')).toEqual(['type,rcpt', 'd,one']);
});
