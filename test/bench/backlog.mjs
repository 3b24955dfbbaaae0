/**
 * What a backlog leaves behind: 100,000 messages of 1 to 100 KB are taken in while delivery is paused, then all of them are
 * delivered; the rate at 4 KB afterwards is compared with the same daemon's before.
 */
import { pass } from './e2e.mjs';
import * as place from './place.mjs';
import { inject } from './client.mjs';
import { rampd } from './contenders.mjs';
import { startSink } from './sink.mjs';
import { median, table } from './table.mjs';

const KILOBYTES = [1, 2, 4, 8, 16, 32, 64, 100];
const LIMIT = 900_000;

export async function backlog(options) {
  const messages = options.messages ?? 100_000;
  const each = Math.ceil(messages / KILOBYTES.length);
  const few = Math.min(10_000, messages);
  const sink = await startSink(place, options.ours);
  const daemon = await rampd(options, sink);
  const rates = async () => {
    const passes = [];
    for (let i = 0; i < options.rounds; i++) passes.push(await pass(daemon, sink, { bytes: 4_096, messages: few }));
    return { rate: median(passes.map(p => p.rate)), cpu: median(passes.map(p => p.cpu)) };
  };
  await pass(daemon, sink, { bytes: 4_096, messages: few });
  const before = await rates();

  await daemon.command('pause', 'out-1');
  const from = performance.now();
  await Promise.all(
    KILOBYTES.map(kb => inject(place, { port: daemon.port, bytes: kb * 1_024, messages: each, sessions: 6, ours: options.ours })),
  );
  const accepted = performance.now();
  const count = sink.count();
  await daemon.command('resume', 'out-1');
  const resumed = performance.now();
  const arrived = await sink.arrived(count + each * KILOBYTES.length, LIMIT);
  const after = await rates();

  const all = each * KILOBYTES.length;
  const megabytes = (each * KILOBYTES.reduce((a, b) => a + b, 0)) / 1_024;
  const turned = (what, ms) => [what, Math.round((all * 1_000) / ms), `${Math.round((megabytes * 1_000) / ms)} MB/s`, ''];
  table(
    `A backlog of ${all} messages, 1 to 100 KB (at least 80 % of the fresh rate wanted afterwards)`,
    ['', 'messages/s', '', 'CPU µs each'],
    [
      ['4 KB, fresh', Math.round(before.rate), `${options.rounds} rounds`, Math.round(before.cpu)],
      turned('backlog taken in, delivery paused', accepted - from),
      turned('backlog delivered', arrived - resumed),
      ['4 KB, after it', Math.round(after.rate), `${Math.round((100 * after.rate) / before.rate)} % of fresh`, Math.round(after.cpu)],
    ],
  );
  await daemon.stop();
  await sink.stop();
}
