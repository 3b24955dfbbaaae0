/**
 * What stands in the state folder decides whether the daemon starts: it never starts fresh beside something, and what it
 * missed while it was down it makes up for.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { batch, inject } from './inject.js';
import { until, World, zones } from './world.js';

const DAY = 86_400_000;
const w = new World();
const inState = (name: string): string => join(w.stateDir, name);

beforeAll(async () => {
  await w.receiver({ host: '127.0.2.1', hostName: 'mx.a.example' });
  await w.prepare({
    zones: zones({ 'a.example': 'mx.a.example' }, { 'mx.a.example': '127.0.2.1' }),
    config: `
control: { socket: ${w.file}/rampd.sock }
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  cold-1: { address: 127.0.1.1, host-name: cold-1.test.example, warm-up: { schedule: four-weeks } }
pools:
  main: { sources: [cold-1] }
`,
  });
  // The first start of all fails late; that must not keep the next one from starting fresh.
  const failed = await w.run('start', '-c', w.file);
  expect(failed).toMatchObject({ code: 2 });
  expect(existsSync(inState('state.json'))).toBe(true);
  w.configure(text => text.replace(/^control:.*\n/m, ''));
  await w.start();
  // One or two go at once, the others wait for their place in the hour, minutes on.
  await inject(w.listenPort, ...batch(6, 'm', 'a.example'));
  await until(
    () => w.status(),
    s => s.totals.delivered > 0 && s.lanes.every(l => !l.verdict.go),
  );
  await w.end('SIGTERM');
});
afterEach(() => w.end('SIGTERM'));
afterAll(() => w.stop());

async function refused(says: string | RegExp): Promise<void> {
  const { code, err, out } = await w.run('start', '-c', w.file);
  expect({ code, err, out }).toMatchObject({ code: 2 });
  expect(err).toMatch(says);
  expect(err).not.toMatch(/\n\s+at /);
}

it('has one daemon at a time', async () => {
  await w.start();
  await refused(`${w.stateDir}: another rampd is running with this state folder`);
  expect((await w.status()).totals.accepted).toBe(6);
});

describe('beside mail, the daemon does not start', () => {
  it.each(['state.json', 'ledger', 'journal.ndjson', 'spool'])('without %s', async name => {
    renameSync(inState(name), inState(`${name}-away`));
    await refused(`${inState(name)}: `);
    // Nothing was made in its place.
    renameSync(inState(`${name}-away`), inState(name));
  });

  const middle = (bytes: Buffer): Buffer => {
    const spoilt = Buffer.from(bytes);
    spoilt.fill('?', Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 16);
    return spoilt;
  };

  const digit = (bytes: Buffer): Buffer =>
    Buffer.from(
      bytes
        .toString()
        .replace(/^([^]*"(?:nextWindow|at)": ?\d*)(\d)/, (_, before: string, last: string) => before + String(9 - Number(last))),
    );

  it.each([
    ['a state.json cut in the middle', 'state.json', (b: Buffer) => b.subarray(0, b.length / 2), /state\.json: the state is not JSON/],
    ['an empty state.json', 'state.json', () => Buffer.alloc(0), /state\.json: the state is not JSON/],
    ['a digit of state.json changed', 'state.json', digit, /state\.json: the state is not as it was written/],
    [
      'a digit in the last line of the journal changed',
      'journal.ndjson',
      digit,
      /journal\.ndjson:\d+:1: the journal is damaged here: its sum/,
    ],
    ['a journal damaged in the middle', 'journal.ndjson', middle, /journal\.ndjson:\d+:1: the journal is damaged here/],
  ])('with %s', async (_what, name, spoil, says) => {
    const sound = readFileSync(inState(name));
    writeFileSync(inState(name), spoil(sound));
    await refused(says);
    writeFileSync(inState(name), sound);
  });

  it('with a ledger damaged in the middle, whose records would be sent again above the cap', async () => {
    const [file] = readdirSync(inState('ledger'));
    const path = join(inState('ledger'), file ?? '');
    const sound = readFileSync(path);
    writeFileSync(path, middle(sound));
    await refused(new RegExp(`${file}: the ledger is damaged`));
    writeFileSync(path, sound);
  });

  it('until all is as it was; then it has everything it had', async () => {
    await w.start();
    const { totals, lanes } = await w.status();
    expect(totals.accepted).toBe(6);
    expect(totals.delivered + totals.waiting).toBe(6);
    expect(totals.waiting).toBeGreaterThan(0);
    expect(lanes[0]?.attemptsLastHour).toBe(totals.delivered);
  });
});

describe('ticks missed while it was down', () => {
  it('are judged on start, each once', async () => {
    const state = JSON.parse(readFileSync(inState('state.json'), 'utf8')) as {
      governor: { state: Record<string, Record<string, unknown>> };
      sum?: string;
    };
    // As who means what he writes.
    delete state.sum;
    for (const progress of Object.values(state.governor.state)) {
      for (const key of ['judgedThrough', 'since', 'lastSent']) {
        if (typeof progress[key] === 'number') progress[key] = progress[key] - 3 * DAY;
      }
    }
    writeFileSync(inState('state.json'), JSON.stringify(state));
    const judged = (): ReturnType<typeof w.journal> => w.journal().filter(r => r.author === 'tick' && r.provider === undefined);
    expect(judged()).toEqual([]);
    await w.start();
    const ticks = judged();
    expect(ticks).toHaveLength(3);
    expect(ticks.every(r => r.type === 'stage-held' && r.source === 'cold-1')).toBe(true);
    // Little mail earns nothing: the stage is where it was.
    const [source] = (await w.status()).sources;
    expect(source).toMatchObject({ stage: 1, maxMsgPerHour: 20 });
    expect(Date.parse(source?.nextTick ?? '')).toBeGreaterThan(Date.now());
    await w.end('SIGKILL');
    await w.start();
    expect(judged()).toHaveLength(3);
  });
});
