/**
 * Faulty configuration through `rampd reload` and `rampd check`: each fault is named where it stands, and the daemon that runs
 * keeps what it had.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StatusView } from '../../src/control/view.js';
import { Wire } from '../accept/dialogue.js';
import { batch, inject } from './inject.js';
import { until, World, zones } from './world.js';

const GOOD = `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
schedules: [./schedules]
sources:
  hot-1: { address: 127.0.1.1, host-name: hot-1.test.example, warm-up: none }
  cold-1: { address: 127.0.1.2, host-name: cold-1.test.example, warm-up: { schedule: own } }
pools:
  main: { sources: [hot-1] }
  cold: { sources: [cold-1] }
defaults: { max-msg-per-hour: 5000/h, retry-after: [10m, 1h] }
providers:
  here:
    domains: [here.example]
    rules:
      - { id: busy, match: { code: "4xx", text: "busy" }, class: throttle.rate, window: 1h, max-smtp-out: 1 }
`;

const SCHEDULE = `name: own
tick: "0 4 * * *"
stages:
  - { max-msg-per-hour: 20/h }
  - { max-msg-per-hour: 40/h }
gates: { advance: { sent: ">= 50%" } }
`;

/** What is written instead of what, and what is said of it: its place, and the sentence. */
const FAULTS: readonly { kind: string; was: string; now: string; at: string; says: RegExp }[] = [
  {
    kind: 'broken YAML',
    was: 'main: { sources: [hot-1] }',
    now: 'main: { sources: [hot-1 }',
    at: 'sources: [hot-1 }',
    says: /flow|bracket|\]/i,
  },
  { kind: 'a key nobody knows', was: 'retry-after: [10m', now: 'retry-afetr: [10m', at: 'retry-afetr', says: /did you mean retry-after/ },
  {
    kind: 'a key twice',
    was: 'defaults:',
    now: 'allow-private: true\ndefaults:',
    at: 'allow-private: true\ndefaults',
    says: /twice|unique|duplicate/i,
  },
  { kind: 'a source without warm-up', was: ', warm-up: none }', now: ' }', at: 'hot-1: { address', says: /warm-up/ },
  {
    kind: 'a bare 0 for a rate',
    was: 'max-msg-per-hour: 5000/h',
    now: 'max-msg-per-hour: 0',
    at: 'max-msg-per-hour: 0',
    says: /unlimited.*none/,
  },
  { kind: 'a time without a unit', was: '[10m, 1h]', now: '[10m, 30]', at: '[10m, 30]', says: /90s, 45m/ },
  { kind: 'a pool that is not there', was: 'pool: main }]', now: 'pool: mian }]', at: 'pool: mian', says: /mian.*main/s },
  { kind: 'a schedule that is not there', was: 'schedule: own', now: 'schedule: won', at: 'schedule: won', says: /won/ },
  {
    kind: 'an address that is none',
    was: 'address: 127.0.1.2',
    now: 'address: 127.0.1.256',
    at: 'address: 127.0.1.256',
    says: /127\.0\.1\.256/,
  },
  { kind: 'an expression that cannot be read', was: 'text: "busy"', now: 'text: "/bu(sy/"', at: 'text: "/bu(sy/"', says: /expression/i },
  {
    kind: 'two sources with one address',
    was: 'address: 127.0.1.2',
    now: 'address: 127.0.1.1',
    at: 'cold-1: {',
    says: /has the address of the source at/,
  },
];

const w = new World();

/** The lines of rampd.yaml on which a text stands or to which it leads. */
function linesOf(text: string, part: string): number[] {
  const start = text.indexOf(part);
  const first = text.slice(0, start).split('\n').length;
  return Array.from({ length: part.split('\n').length }, (_, i) => first + i);
}

/** What a reload must not change. */
const settled = ({ sources, queues, windows }: StatusView): unknown => ({
  sources: sources.map(s => [s.name, s.address, s.stage, s.maxMsgPerHour]),
  queues,
  windows,
});

beforeAll(async () => {
  await w.receiver({ host: '127.0.2.1', hostName: 'mx.here.example' });
  mkdirSync(join(w.dir, 'schedules'));
  writeFileSync(join(w.dir, 'schedules', 'own.yaml'), SCHEDULE);
  await w.prepare({ zones: zones({ 'here.example': 'mx.here.example' }, { 'mx.here.example': '127.0.2.1' }), config: GOOD });
  await w.start();
});
beforeEach(() => w.configure(() => GOOD));
afterAll(() => w.stop());

let sent = 0;
async function mailFlows(): Promise<void> {
  await inject(w.listenPort, ...batch(1, `m${++sent}-`, 'here.example'));
  await until(
    () => w.status(),
    s => s.totals.delivered === sent,
  );
}

/** Both commands on what is written now: exit 2, a place, a sentence; and the daemon does not care. */
async function refused(place: RegExp, says: RegExp): Promise<void> {
  const before = [settled(await w.status()), await w.client.settings()];
  const [reload, check] = await Promise.all([w.run('reload', '-c', w.file), w.run('check', w.file)]);
  for (const { code, err, out } of [reload, check]) {
    expect({ code, err, out }).toMatchObject({ code: 2 });
    const lines = err.split('\n').filter(line => !line.includes('warning:'));
    expect(lines.join('\n')).toMatch(says);
    expect(lines.some(line => place.test(line))).toBe(true);
    expect(err).not.toMatch(/\n\s+at .*\d+:\d+/);
  }
  expect([settled(await w.status()), await w.client.settings()]).toEqual(before);
  await mailFlows();
}

describe('a reload of', () => {
  it.each(FAULTS)('$kind is refused with its place, and changes nothing', async ({ was, now, at, says }) => {
    w.configure(good => {
      expect(good).toContain(was);
      return good.replace(was, now);
    });
    const lines = linesOf(w.text(), at);
    await refused(new RegExp(`rampd\\.yaml:(${lines.join('|')}):\\d+: `), says);
  });

  it('a faulty schedule names the schedule’s file', async () => {
    const file = join(w.dir, 'schedules', 'own.yaml');
    writeFileSync(file, SCHEDULE.replace('40/h', '10/h'));
    await refused(/own\.yaml:5:\d+: /, /falls from 20 to 10/);
    writeFileSync(file, SCHEDULE);
  });

  it('a listener that cannot be opened is refused, and nothing of the file is in force', async () => {
    w.configure(good => good.replace('5000/h', '50/h'));
    const text = w.text();
    // The world's receiver listens there.
    const taken = text.replace(/listeners: \[/, `listeners: [{ address: "127.0.2.1:${w.smtpPort}" }, `);
    expect(taken).not.toBe(text);
    writeFileSync(w.file, taken);
    const before = await w.client.settings();
    const { code, err } = await w.run('reload', '-c', w.file);
    expect({ code, err }).toMatchObject({ code: 2 });
    expect(err).toMatch(/rampd\.yaml:3:\d+: cannot listen on 127\.0\.2\.1:\d+: another program listens there/);
    expect(await w.client.settings()).toEqual(before);
    await mailFlows();
  });

  it('what needs a restart says so, though the file as such is good', async () => {
    w.configure(good => `${good}node: 3\n`);
    const { code, err } = await w.run('reload', '-c', w.file);
    expect({ code, err }).toMatchObject({ code: 2 });
    expect(err).toMatch(/rampd\.yaml:\d+:7: node cannot change while rampd runs \(0 is in force\)/);
    expect((await w.run('check', w.file)).code).toBe(0);
    await mailFlows();
  });

  it('a good file is taken at once', async () => {
    w.configure(good => good.replace('hot-1: { address: 127.0.1.1,', 'hot-1: { address: 127.0.1.1, max-msg-per-hour: 77/h,'));
    expect(await w.run('reload', '-c', w.file)).toMatchObject({ code: 0, out: 'reloaded\n' });
    expect((await w.status()).sources.find(s => s.name === 'hot-1')?.maxMsgPerHour).toBe(77);
    expect(w.journal().at(-1)).toMatchObject({ type: 'reloaded', author: 'operator:ann' });
    w.configure(() => GOOD);
    expect((await w.run('reload', '-c', w.file)).code).toBe(0);
    await mailFlows();
  });

  it('fewer connections for a client is for those who come after it', async () => {
    const before = await Wire.open(w.listenPort);
    const after: Wire[] = [];
    try {
      expect(await before.reply()).toMatch(/^220 /);
      w.configure(good => good.replace('pool: main }]', 'pool: main, max-connections: 1 }]'));
      expect((await w.run('reload', '-c', w.file)).code).toBe(0);
      after.push(await Wire.open(w.listenPort));
      expect(await after[0]?.reply()).toBe('421 4.7.0 Too many connections: this client may have 1 at once');
      expect(await before.ask('NOOP')).toMatch(/^250 /);
      w.configure(() => GOOD);
      expect((await w.run('reload', '-c', w.file)).code).toBe(0);
      after.push(await Wire.open(w.listenPort));
      expect(await after[1]?.reply()).toMatch(/^220 /);
    } finally {
      for (const wire of [before, ...after]) wire.destroy();
    }
  });
});

describe('SIGHUP', () => {
  it('reloads, and a faulty file is named in the output and changes nothing', async () => {
    const reloads = (): number => w.journal().filter(r => r.type === 'reloaded').length;
    const before = reloads();
    w.configure(good => good.replace('pool: main }]', 'pool: mian }]'));
    w.signal('SIGHUP');
    const [line] = await until(
      () => w.log.filter(l => l.includes('mian')),
      found => found.length > 0,
    );
    expect(line).toMatch(/rampd\.yaml:\d+:\d+: /);
    expect(reloads()).toBe(before);
    await mailFlows();
    w.configure(() => GOOD.replace('5000/h', '4000/h'));
    w.signal('SIGHUP');
    await until(reloads, n => n === before + 1);
    expect(w.journal().at(-1)).toMatchObject({ type: 'reloaded', author: 'signal:SIGHUP' });
    await mailFlows();
  });
});
