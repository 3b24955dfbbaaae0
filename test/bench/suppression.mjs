/**
 * The suppression list at size: how long a lookup takes, how large the file is, how fast an import goes, and how long a
 * commit of mail waits behind one.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { table } from './table.mjs';

/** Addresses in no order: a list grows so. Knuth's multiplicative hash keeps them distinct. */
const address = i =>
  `${((i * 2654435761) >>> 0).toString(36)}.${i.toString(36)}@${['gmail.com', 'outlook.com', 'yahoo.com', 'example.org'][i % 4]}`;
const entry = i => ({
  address: address(i),
  scope: '',
  reason: 'mailbox.unknown',
  since: 1_700_000_000_000,
  note: '550 5.1.1 no such user here',
});
const byKey = (a, b) => (a.address < b.address ? -1 : 1);

async function put(store, suppressionRow, from, to, sorted, batch) {
  for (let at = from; at < to; at += sorted) {
    const rows = Array.from({ length: Math.min(sorted, to - at) }, (_, i) => entry(at + i)).sort(byKey);
    for (let i = 0; i < rows.length; i += batch) await store.settle([], [], rows.slice(i, i + batch).map(suppressionRow));
  }
}

/** Median and 99th percentile of single lookups, microseconds. */
function lookups(store, n, size, hit) {
  const times = new Float64Array(n);
  let found = 0;
  for (let i = 0; i < n; i++) {
    const who = address(hit ? Math.floor(((i * 7919) % n) * (size / n)) : size * 2 + i);
    const begin = process.hrtime.bigint();
    if (store.suppression.find(who, 'news@shop.example', 1_700_000_000_001)) found++;
    times[i] = Number(process.hrtime.bigint() - begin) / 1_000;
  }
  if (found !== (hit ? n : 0)) throw new Error(`${found} of ${n} found`);
  times.sort();
  return { median: times[n >> 1], p99: times[Math.floor(n * 0.99)] };
}

export async function suppression({ build, dir: base = tmpdir() }, size = 10_000_000, more = 50_000) {
  const { openStore } = await import(join(build, 'spool/store.js'));
  const { suppressionRow } = await import(join(build, 'spool/suppression-rows.js'));
  const dir = mkdtempSync(join(base, 'rampd-bench-'));
  const clock = { now: () => 1_700_000_000_000, wall: () => 1_700_000_000_000, at: () => ({ cancel() {} }) };
  const store = await openStore({
    dir,
    node: 0,
    clock,
    minFree: 0,
    ballast: 0,
    onFailure: error => {
      throw error;
    },
  });
  try {
    await put(store, suppressionRow, 0, size, 1_000_000, 50_000);
    const bytes = statSync(join(dir, 'index.mdb')).size;
    lookups(store, 20_000, size, true);
    const hit = lookups(store, 200_000, size, true);
    const miss = lookups(store, 200_000, size, false);
    // As an import does it, with a client's small commits in between.
    const waits = [];
    let importing = true;
    const mail = (async () => {
      while (importing) {
        const begin = performance.now();
        await store
          .settle([], [])
          .then(() =>
            store.accept({ sender: 's@x', pool: 'p', warmUp: 'allow', accepted: 0, client: 'c' }, [{ address: 'r@y' }], Buffer.from('x')),
          );
        waits.push(performance.now() - begin);
      }
    })();
    const begin = performance.now();
    await put(store, suppressionRow, size, size + more, 50_000, 500);
    const seconds = (performance.now() - begin) / 1_000;
    importing = false;
    await mail;
    waits.sort((a, b) => a - b);
    const us = ({ median, p99 }) => `${median.toFixed(1)} / ${p99.toFixed(1)} us`;
    const ms = part => waits[Math.floor(waits.length * part)].toFixed(0);
    table(
      `suppression list, ${size.toLocaleString('en-US')} entries`,
      ['', 'median / p99'],
      [
        ['lookup, on the list', us(hit)],
        ['lookup, not on it', us(miss)],
        ['file', `${(bytes / 1e9).toFixed(2)} GB`],
        ['import', `${Math.round(more / seconds).toLocaleString('en-US')}/s`],
        ['a commit of mail meanwhile', `${ms(0.5)} / ${ms(0.99)} ms`],
      ],
    );
  } finally {
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
