/**
 * How long a client waits from its end of data to the 250, at 50 sessions that hand in one message after the other while
 * everything is delivered. Measured by the client; what it costs to be on time itself is in the figure.
 */
import { run } from './place.mjs';
import * as place from './place.mjs';
import { CONNECTIONS, bare, rampd } from './contenders.mjs';
import { startSink } from './sink.mjs';
import { median, table } from './table.mjs';

const CLIENT = new URL('client.mjs', import.meta.url).pathname;

async function waits(port, messages) {
  return JSON.parse(await run(process.execPath, [CLIENT, '127.0.0.1', port, CONNECTIONS, 4_096, messages].map(String)));
}

export async function latency(options) {
  const messages = options.messages ?? 20_000;
  const found = new Map([
    ['rampd', []],
    ['bare libraries', []],
  ]);
  for (let i = 0; i < options.rounds; i++) {
    for (const make of [rampd, bare]) {
      const sink = await startSink(place, options.ours);
      const contender = await make(options, sink);
      await waits(contender.port, Math.min(5_000, messages));
      found.get(contender.name).push(await waits(contender.port, messages));
      await contender.stop();
      await sink.stop();
    }
  }
  table(
    `End of data to 250, 4 KB, ${CONNECTIONS} sessions, medians of ${options.rounds} rounds (p99 at most 50 ms wanted)`,
    ['', 'accepted/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'worst ms'],
    [...found].map(([name, rounds]) => [
      name,
      Math.round(median(rounds.map(r => r.answered / r.seconds))),
      ...['p50', 'p99', 'p999', 'max'].map(key => median(rounds.map(r => r[key])).toFixed(1)),
    ]),
  );
}
