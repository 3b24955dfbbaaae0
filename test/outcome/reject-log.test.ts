/** The reject log: who was refused what, and a flood that costs a bounded number of lines. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DAY, SECOND } from '../../src/kernel/units.js';
import { createRejectLog, type RejectLog } from '../../src/outcome/reject-log.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { parseCsv } from './parse-csv.js';

const START = Date.parse('2023-11-20T12:00:00Z');
let folder: string;
let clock: ReturnType<typeof createManualClock>;
let log: RejectLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rampd-reject-'));
  clock = createManualClock(START);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

async function open(format: 'csv' | 'ndjson'): Promise<string> {
  const file = join(folder, `reject.${format}`);
  const rotation = { every: DAY, maxSize: Infinity, compress: false };
  log = createRejectLog({
    settings: { file, format, rotation, from: { file: 'rampd.yaml', line: 3, col: 13 } },
    clock,
    onTrouble: () => undefined,
  });
  await log.open();
  return file;
}

it('says who was refused what and how it was told so', async () => {
  const file = await open('csv');
  log.write({
    client: 'app1',
    address: '10.0.0.1',
    at: 'rcpt',
    code: 550,
    reply: '550 5.1.1 no',
    user: 'app1',
    sender: 'a@b',
    recipient: 'x\r\ny',
  });
  log.write({ client: '10.0.0.2', reply: '421 busy' });
  await log.flush();
  expect(parseCsv(readFileSync(file, 'utf8'))).toEqual([
    ['timeLogged', 'refused', 'address', 'client', 'user', 'orig', 'rcpt', 'code', 'reply', 'dropped'],
    ['2023-11-20 12:00:00+0000', 'rcpt', '10.0.0.1', 'app1', 'app1', 'a@b', 'x y', '550', '550 5.1.1 no', ''],
    ['2023-11-20 12:00:00+0000', '', '', '10.0.0.2', '', '', '', '', '421 busy', ''],
  ]);
});

it('is on the disk within a second by itself, as JSON too', async () => {
  const file = await open('ndjson');
  log.write({ client: 'app1', at: 'auth', code: 535, reply: '535 no' });
  await clock.run(SECOND);
  await log.flush();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    timeLogged: '2023-11-20T12:00:00.000Z',
    refused: 'auth',
    client: 'app1',
    code: 535,
    reply: '535 no',
  });
});

it('lists a thousand of a second and counts the rest; the next second is listed again', async () => {
  const file = await open('ndjson');
  for (let i = 0; i < 50_000; i++) log.write({ client: `c${i}`, reply: '421 no' });
  expect(log.waiting).toBe(1_000);
  await clock.run(SECOND);
  log.write({ client: 'next', reply: '421 no' });
  await log.flush();
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { client: string; dropped?: number });
  expect(lines).toHaveLength(1_002);
  expect(lines[1_000]).toMatchObject({ refused: 'dropped', dropped: 49_000 });
  expect(lines[1_001]).toMatchObject({ client: 'next' });
});
