// A process that accepts and settles in a loop until it is killed. What is durable it says on stdout, synchronously, so that
// the test knows: `A number recipients` accepted, `s number index` about to be settled, `S number index` settled.
// argv: folder of the build, spool folder, 'late' (says it when durable) or 'early' (the mistake the test must notice: says
// it when handed in; it ends itself by kill -9 in the turn of its 100th such line, so that this one cannot be durable).
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [build, dir, when] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(join(build, 'spool/store.js')).href);
const clock = { now: () => Math.floor(performance.timeOrigin + performance.now()), wall: () => Date.now(), at: () => ({ cancel() {} }) };
const say = line => writeSync(1, `${line}\n`);
const store = await openStore({
  dir,
  node: 1,
  clock,
  minFree: 0,
  ballast: 0,
  segmentBytes: 200_000,
  onFailure(error) {
    throw error;
  },
});

let serial = 0;
async function session() {
  for (;;) {
    const n = serial++;
    const recipients = Array.from({ length: 1 + (n % 3) }, (_, i) => ({ address: `r${i}@d${n % 5}.example` }));
    const envelope = { sender: 's@x', pool: 'p', warmUp: 'allow', accepted: clock.now(), client: 'c', job: `fill ${n % 251}` };
    const accepted = store.accept(envelope, recipients, Buffer.alloc((n * 37) % 9_000, n % 251));
    if (when === 'early') {
      say(`A ${n} ${recipients.length}`);
      if (n === 100) process.kill(process.pid, 'SIGKILL');
    }
    const number = await accepted;
    if (when === 'late') say(`A ${number} ${recipients.length}`);
    if (n % 4 === 0) await settle();
  }
}

async function settle() {
  for (const queue of store.queues()) {
    for (const row of queue.peek(2)) {
      if (!queue.take(row)) continue;
      say(`s ${row.message} ${row.index}`);
      const later = { due: row.due + 1_000, state: { ...row.state, attempts: row.state.attempts + 1 } };
      const leaves = row.message % 3 !== 0 || row.state.attempts > 0;
      await store.settle([leaves ? { row, queue, to: null, count: 'delivered' } : { row, queue, to: later, count: 'deferred' }], []);
      if (leaves) say(`S ${row.message} ${row.index}`);
    }
  }
}

await Promise.all(Array.from({ length: 20 }, session));
