// Accepts and settles of the bare spool, 4 KB a message: node test/bench/spool.mjs [messages] [sessions] [folder of the build]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const messages = Number(process.argv[2] ?? 50_000);
const sessions = Number(process.argv[3] ?? 50);
const build = resolve(process.argv[4] ?? 'dist');
const { openStore } = await import(pathToFileURL(join(build, 'spool/store.js')).href);

const dir = mkdtempSync(join(tmpdir(), 'rampd-bench-spool-'));
const clock = { now: () => Math.floor(performance.timeOrigin + performance.now()), wall: () => Date.now(), at: () => ({ cancel() {} }) };
const open = () =>
  openStore({
    dir,
    node: 1,
    clock,
    minFree: 0,
    onFailure(error) {
      throw error;
    },
  });
const content = Buffer.from(`Subject: bench\r\n\r\n${'x'.repeat(4_078)}`);
const envelope = () => ({
  sender: 'bounce@sender.example',
  pool: 'marketing',
  warmUp: 'allow',
  accepted: clock.now(),
  client: '127.0.0.1',
});

/** Runs `work` in `sessions` parallel loops until `n` are done; prints the rate and what a core was busy per piece. */
async function measure(what, n, work) {
  const cpu = process.cpuUsage();
  const from = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: sessions }, async () => {
      while (next < n) await work(next++);
    }),
  );
  const seconds = (performance.now() - from) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${what}: ${Math.round(n / seconds)}/s, ${((user + system) / n).toFixed(1)} µs CPU each`);
}

const accept = (store, i) => store.accept(envelope(), [{ address: `user${i}@domain${i % 20}.example` }], [content]);
function* taken(store) {
  for (;;) {
    let any = false;
    for (const queue of store.queues()) {
      for (const row of queue.peek(8)) {
        if (!queue.take(row)) continue;
        any = true;
        yield { queue, row };
      }
    }
    if (!any) return;
  }
}
async function deliver(store, rows) {
  const { value } = rows.next();
  if (!value) return;
  await store.body(value.row.body);
  await store.settle([{ ...value, to: null, count: 'delivered' }], []);
}

let store = await open();
await measure('accept alone', messages, i => accept(store, i));
let rows = taken(store);
await measure('settle alone', messages, () => deliver(store, rows));
await measure('accept, then settle (backlog of none)', messages, async i => {
  await accept(store, i);
  rows = taken(store);
  await deliver(store, rows);
});
for (let i = 0; i < 20_000; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => accept(store, i + j)));
await measure('accept and settle over a backlog of 20,000', messages, async i => {
  rows = taken(store);
  await Promise.all([accept(store, i), deliver(store, rows)]);
});
await store.close();

const from = performance.now();
store = await open();
console.log(`open with ${store.totals().waiting} waiting: ${Math.round(performance.now() - from)} ms`);
await store.close();
rmSync(dir, { recursive: true });
