/**
 * What one verdict costs, and what lanes cost in memory: decide → present → settle over many lanes, all capped and paced.
 *
 * `npm run bench -- --only decide`, or alone: `node --expose-gc test/bench/decide.mjs [BUILD]`. Times are microseconds per
 * call, over batches of 64 calls; a verdict is timed apart for `go` (with its reservation) and for `wait`.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const HOUR = 3_600_000;
const BATCH = 64;
const at = { file: 'bench', line: 0, col: 0 };
const said = value => ({ value, from: at });

function settings(sources, limits) {
  const named = Array.from({ length: sources }, (_, i) => [
    `s${i}`,
    { name: `s${i}`, address: `192.0.2.${i}`, hostName: 's', limits: { maxMsgPerHour: said(5e7) }, from: at },
  ]);
  return { sources: new Map(named), providers: new Map(), schedules: new Map(), defaults: limits, total: {} };
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

/** Times `act` on lanes in turn; microseconds per call, sorted. */
function timed(calls, act) {
  const spans = [];
  for (let i = 0; i < calls; i += BATCH) {
    const begin = process.hrtime.bigint();
    for (let k = 0; k < BATCH; k++) act(i + k);
    spans.push(Number(process.hrtime.bigint() - begin) / 1000 / BATCH);
  }
  return spans.sort((a, b) => a - b);
}

export async function decide({ build }) {
  const { createGovernor } = await import(pathToFileURL(join(build, 'govern/governor.js')).href);
  for (const count of [10_000, 100_000]) {
    globalThis.gc?.();
    const before = process.memoryUsage();
    const governor = createGovernor({ journal() {}, ledger() {}, changed() {} });
    let now = Date.UTC(2026, 0, 5);
    governor.configure(settings(20, { maxMsgPerHour: said(400), maxSmtpOut: said(20) }), now);
    const lanes = Array.from({ length: count }, (_, i) => ({ source: `s${i % 20}`, provider: `mx${i}.example` }));
    const ask = lane => ({ lane, senderDomain: 'sender.example', recipientDomain: 'rcpt.example', wanted: 1 });
    const asks = lanes.map(ask);
    // Half an hour of history on every lane.
    for (let round = 0; round < 10; round++) {
      for (const a of asks) {
        const verdict = governor.decide(a, now);
        if (verdict.go && governor.present(verdict.permit, now)) governor.settle(verdict.permit, now, [], now);
      }
      now += 180_000;
    }
    globalThis.gc?.();
    const after = process.memoryUsage();
    const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    const permits = [];
    const pick = i => asks[(i * 7919) % count];
    const calls = Math.min(count, 50_000);
    const go = timed(calls, i => permits.push(governor.decide(pick(i), now)));
    const present = timed(permits.length - (permits.length % BATCH), i => permits[i]?.go && governor.present(permits[i].permit, now));
    const settle = timed(
      permits.length - (permits.length % BATCH),
      i => permits[i]?.go && governor.settle(permits[i].permit, now, [], now),
    );
    for (const a of asks) governor.decide(a, now);
    const wait = timed(calls, i => governor.decide(pick(i), now));
    const row = (name, spans) => `${name} ${quantile(spans, 0.5).toFixed(2)} (p99 ${quantile(spans, 0.99).toFixed(2)})`;
    console.log(
      `decide, ${count} lanes: ${[row('go', go), row('wait', wait), row('present', present), row('settle', settle)].join(', ')} us; ` +
        `${(bytes / 2 ** 20).toFixed(0)} MB, ${Math.round(bytes / count)} bytes a lane${globalThis.gc ? '' : ' (run with --expose-gc for exact memory)'}`,
    );
    const going = permits.filter(p => p.go).length;
    if (going < calls * 0.99) throw new Error(`only ${going} of ${calls} went: the bench measures something else`);
    now += 2 * HOUR;
  }
}

if (process.argv[1] && resolve(process.argv[1]) === resolve(import.meta.filename)) {
  await decide({ build: resolve(process.argv[2] ?? 'dist') });
}
