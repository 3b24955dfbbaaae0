/** What a daemon costs that has nothing to do: after some traffic, 30 s without any. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pass } from './e2e.mjs';
import * as place from './place.mjs';
import { cpuOf, memoryOf } from './cpu.mjs';
import { rampd } from './contenders.mjs';
import { startSink } from './sink.mjs';
import { table } from './table.mjs';

const WATCH = 30_000;

export async function idle(options) {
  const sink = await startSink(place, options.ours);
  const daemon = await rampd(options, sink);
  const rows = [];
  const watch = async what => {
    await sleep(2_000);
    const before = cpuOf(daemon.pid).all;
    await sleep(WATCH);
    const share = (cpuOf(daemon.pid).all - before) / (WATCH * 1_000);
    rows.push([what, `${(100 * share).toFixed(2)} %`, Math.round(memoryOf(daemon.pid))]);
  };
  await watch('just started');
  for (const bytes of [4_096, 20_480]) await pass(daemon, sink, { bytes, messages: options.messages ?? 20_000 });
  // Connections close after 5 s, caches stay.
  await sleep(6_000);
  await watch('after traffic');
  table('Idle for 30 s (under 1 % of a core and 150 MB wanted)', ['', 'of a core', 'anonymous MB'], rows);
  await daemon.stop();
  await sink.stop();
}
