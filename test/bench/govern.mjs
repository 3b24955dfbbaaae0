/**
 * The governor's own figures: a decision and an outcome at 100 and at 100,000 lanes, what lanes with a history cost in memory,
 * and how long a snapshot takes to be in force again.
 *
 * `npm run bench -- --only governor`, or alone: `node --expose-gc test/bench/govern.mjs [BUILD]`. Every second source warms
 * up, all lanes are capped and paced. Times are microseconds per call: medians over batches of 64 calls on as many lanes, and
 * of those the median of five runs, so that what else the machine does weighs little.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median, table } from './table.mjs';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5);
const BATCH = 64;
const RUNS = 5;
const SOURCES = 20;
const place = { file: 'bench', line: 0, col: 0 };
const said = value => ({ value, from: place });

const CALLS = [
  ['go', 'verdict: go, slot reserved'],
  ['wait', 'verdict: wait'],
  ['present', 'permit presented'],
  ['settle', 'outcome absorbed'],
];
/** Moments of the hour, the cap (above 100 an hour history is in buckets), and what that is called. */
const HISTORIES = [
  [10, 400, '10 buckets'],
  [100, 400, 'all 100 buckets of the hour'],
  [100, 100, '100 exact answers'],
];

const delivered = {
  class: 'delivered',
  scope: 'recipient',
  fate: 'deliver',
  phase: 'end',
  reply: { code: 250, text: 'ok', line: '250 ok' },
};

function settings(defaults) {
  const gate = (metric, op, value) => ({ metric, op, value, from: place, text: `${metric} ${op} ${value}` });
  const schedule = {
    name: 'ramp',
    description: '',
    from: place,
    tick: '0 4 * * *',
    timezone: 'UTC',
    advance: 'earned',
    stages: [5e6, 6e6].map((cap, i) => ({ number: i + 1, limits: { maxMsgPerHour: said(cap) }, from: place })),
    providers: new Map(),
    gates: {
      advance: [gate('sent', '>=', 0.5), gate('delivered', '>=', 0.9)],
      hold: [gate('deferral-rate', '>', 0.1), gate('hard-bounce-rate', '>', 0.05), gate('complaint-rate', '>', 0.001)],
      stepBack: [gate('block-rate', '>', 0.01), gate('deferral-rate', '>', 0.3), gate('complaint-rate', '>', 0.003)],
      minSample: 20,
    },
    idle: { after: 10 * DAY, stepBack: 1, every: 7 * DAY, restartAfter: 30 * DAY },
    growth: 2,
  };
  const sources = Array.from({ length: SOURCES }, (_, i) => [
    `s${i}`,
    {
      name: `s${i}`,
      address: `192.0.2.${i}`,
      hostName: 's',
      limits: { maxMsgPerHour: said(5e6) },
      from: place,
      ...(i % 2 === 0 ? { warmUp: { schedule: 'ramp', stage: 1, from: place } } : {}),
    },
  ]);
  return {
    sources: new Map(sources),
    providers: new Map(),
    schedules: new Map([['ramp', schedule]]),
    defaults,
    total: { maxMsgPerHour: said(5e7) },
  };
}

/** A governor, and the names of its lanes as the dispatcher keeps them. */
async function ground(build, count, defaults, ports = { journal() {}, ledger() {}, changed() {} }) {
  const { createGovernor } = await import(pathToFileURL(join(build, 'govern/governor.js')).href);
  const governor = createGovernor(ports);
  governor.configure(settings(defaults), START);
  const names = Array.from({ length: count }, (_, i) => ({ source: `s${i % SOURCES}`, provider: `mx${i}.example` }));
  return { governor, lanes: governor.known ? names.map(name => governor.known(name)) : names };
}

const asking = (lane, wanted) => ({ lane, senderDomain: 'sender.example', recipientDomain: 'rcpt.example', wanted });
const settled = [{ match: delivered, recipient: 'r@rcpt.example', counted: [] }];

/** One recipient in one transaction; false when it has to wait. */
function send(governor, lane, now) {
  const verdict = governor.decide(asking(lane, 1), now);
  if (!verdict.go || !governor.present(verdict.permit, now)) return false;
  governor.settle(verdict.permit, now, settled, now);
  return true;
}

/** Microseconds per call of each part of the dialogue. Lanes are met in no order that memory could guess. */
async function speed(build, count) {
  const { governor, lanes } = await ground(build, count, { maxMsgPerHour: said(36_000), maxSmtpOut: said(1000) });
  let now = START;
  for (const lane of lanes) if (!send(governor, lane, (now += 1))) throw new Error('a lane waited: the bench measures something else');
  globalThis.gc?.();
  let at = 0;
  const batch = [];
  const verdicts = [];
  const spans = { go: [], present: [], settle: [], wait: [] };
  const time = (name, act) => {
    for (let k = 0; k < BATCH; k++) batch[k] = lanes[(at = (at + 7919) % count)];
    const begin = process.hrtime.bigint();
    for (let k = 0; k < BATCH; k++) act(k);
    spans[name].push(Number(process.hrtime.bigint() - begin) / 1000 / BATCH);
  };
  const decide = k => (verdicts[k] = governor.decide(asking(batch[k], 1), now));
  const all = go => {
    const other = verdicts.find(v => v.go !== go);
    if (other) throw new Error(`the bench measures something else: ${JSON.stringify(other.go || other.because())}`);
  };
  const rounds = 800;
  for (let i = 0; i < rounds; i++) {
    // Every lane has a slot again.
    now += 1000;
    time('go', decide);
    all(true);
    time('present', k => governor.present(verdicts[k].permit, now));
    time('settle', k => governor.settle(verdicts[k].permit, now, settled, now));
  }
  // Every lane at its pace.
  for (const lane of lanes) {
    now += 1;
    while (send(governor, lane, now));
  }
  globalThis.gc?.();
  for (let i = 0; i < rounds; i++) time('wait', decide);
  all(false);
  return Object.fromEntries(Object.entries(spans).map(([name, list]) => [name, median(list.slice(100))]));
}

/** Bytes of the heap and of typed arrays, garbage taken out. */
async function inUse() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise(resolve => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Bytes a lane costs once it has a history of `buckets` different moments of the hour. */
async function memory(build, count, buckets, cap) {
  const before = await inUse();
  const { governor, lanes } = await ground(build, count, { maxMsgPerHour: said(cap), maxSmtpOut: said(20), pacing: said('burst') });
  let now = START;
  for (let round = 0; round < buckets; round++) {
    for (const lane of lanes) {
      const connection = round % 10 === 0 ? governor.mayConnect(lane, now) : undefined;
      if (connection?.go) governor.connected(connection.connection, now);
      if (!send(governor, lane, now)) throw new Error('a lane waited: the bench measures something else');
      if (connection?.go) governor.disconnected(connection.connection, now);
    }
    now += Math.floor(HOUR / buckets) - 1;
  }
  const bytes = (await inUse()) - before;
  const used = governor.laneStatus(lanes[0], now).attemptsLastHour;
  return { bytes, used };
}

/** Milliseconds from a snapshot of lanes with windows, and a ledger of their last hour, to a governor that decides by them. */
async function restore(build, count) {
  const { createGovernor } = await import(pathToFileURL(join(build, 'govern/governor.js')).href);
  const { parseReply } = await import(pathToFileURL(join(build, 'outcome/reply.js')).href);
  const ledger = [];
  const ports = { journal() {}, ledger: record => void ledger.push(record), changed() {} };
  const defaults = { maxMsgPerHour: said(400), maxSmtpOut: said(20) };
  const { governor, lanes } = await ground(build, count, defaults, ports);
  const rule = {
    id: 'slow',
    provider: 'any',
    from: place,
    match: {},
    class: 'content',
    trigger: { count: 1, per: HOUR },
    scope: 'lane',
    warmUp: 'none',
    samples: [],
    never: [],
    reaction: { window: HOUR, suspend: false, recover: HOUR, maxMsgPerHour: 60 },
  };
  const throttled = { ...delivered, class: 'content', scope: 'lane', fate: 'defer', rule, reply: parseReply('421 4.7.0 slow down') };
  let now = START;
  for (const lane of lanes) send(governor, lane, (now += 1));
  for (const lane of lanes) {
    const verdict = governor.decide(asking(lane, 1), (now += 1));
    if (!verdict.go || !governor.present(verdict.permit, now)) throw new Error('a lane waited: the bench measures something else');
    governor.settle(verdict.permit, now, [{ ...settled[0], match: throttled }], now);
  }
  now += 10_000;
  const text = JSON.stringify(governor.snapshot());
  const windows = governor.windows(now).length;
  const begin = process.hrtime.bigint();
  const again = createGovernor(ports);
  again.restore(JSON.parse(text), []);
  again.configure(settings(defaults), now);
  const between = process.hrtime.bigint();
  again.restoreLedger(ledger.slice(), 'killed', now);
  const end = process.hrtime.bigint();
  again.decide(asking(lanes[0], 1), now);
  return {
    state: Number(between - begin) / 1e6,
    ledger: Number(end - between) / 1e6,
    windows,
    records: ledger.length,
    kilobytes: text.length / 1024,
  };
}

export async function governor({ build }) {
  const counts = [100, 100_000];
  const spans = [];
  for (const count of counts) {
    const runs = [];
    for (let i = 0; i < RUNS; i++) runs.push(await speed(build, count));
    spans.push(name => median(runs.map(r => r[name])));
  }
  const [few, many] = spans;
  table(
    `governor: microseconds a call, median of ${RUNS} runs`,
    ['', ...counts.map(count => `${count} lanes`), 'times'],
    CALLS.map(([name, words]) => [words, few(name).toFixed(2), many(name).toFixed(2), (many(name) / few(name)).toFixed(1)]),
  );

  const rows = [];
  for (const [buckets, cap, words] of HISTORIES) {
    const { bytes, used } = await memory(build, 100_000, buckets, cap);
    rows.push([words, (bytes / 1e6).toFixed(0), Math.round(bytes / 1e5), used]);
  }
  table('governor: memory of 100,000 lanes', ['history of each lane', 'MB', 'bytes a lane', 'attempts in the hour'], rows);

  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await restore(build, 10_000));
  const of = name => median(runs.map(r => r[name]));
  table(
    `governor: 10,000 lanes in force again, median of ${RUNS} runs`,
    ['read', 'of', 'ms'],
    [
      ['snapshot', `${of('windows')} windows, ${of('kilobytes').toFixed(0)} KB`, of('state').toFixed(0)],
      ['ledger', `${of('records')} records`, of('ledger').toFixed(0)],
    ],
  );
}

if (process.argv[1] && resolve(process.argv[1]) === resolve(import.meta.filename)) {
  await governor({ build: resolve(process.argv[2] ?? 'dist') });
}
