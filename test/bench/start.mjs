/**
 * How long a start takes beside a million waiting messages: the spool is filled through the store itself, none of it due for
 * an hour, over many domains; then the daemon is started as an operator would, until it says that it is ready.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as place from './place.mjs';
import { prepareRampd, startRampd } from './contenders.mjs';
import { memoryOf } from './cpu.mjs';
import { startSink } from './sink.mjs';
import { median, table } from './table.mjs';

const DOMAINS = 20_000;
const AT_ONCE = 2_000;

async function fill(build, dir, messages) {
  const { openStore } = await import(pathToFileURL(join(build, 'spool/store.js')).href);
  mkdirSync(dir, { recursive: true });
  // An hour ahead: what is accepted now is due then, and nothing leaves while we look.
  const now = () => Date.now() + 3_600_000;
  const store = await openStore({
    dir,
    node: 0,
    clock: { now, wall: () => Date.now(), at: () => ({ cancel() {} }) },
    minFree: 0,
    onFailure(error) {
      throw error;
    },
  });
  const content = Buffer.from('Subject: bench\r\n\r\nwaiting\r\n');
  for (let i = 0; i < messages;) {
    const batch = [];
    for (const until = Math.min(messages, i + AT_ONCE); i < until; i++) {
      const envelope = { sender: 'news@sender.example', pool: 'main', warmUp: 'allow', accepted: now(), client: '127.0.0.1' };
      batch.push(store.accept(envelope, [{ address: `user${i}@domain${i % DOMAINS}.example` }], content));
    }
    await Promise.all(batch);
  }
  await store.close();
}

export async function startUp(options) {
  const messages = options.messages ?? 1_000_000;
  const sink = await startSink(place, options.ours);
  const empty = await prepareRampd(sink);
  const full = await prepareRampd(sink);
  // A first start, so that state.json stands beside the mail: without it the daemon refuses.
  for (const one of [empty, full]) await (await startRampd(options, one)).stop(true);
  await fill(options.build, join(full.state, 'spool'), messages);
  const seconds = { empty: [], full: [] };
  let memory = 0;
  for (let i = 0; i < options.rounds; i++) {
    for (const [name, one] of Object.entries({ empty, full })) {
      const daemon = await startRampd(options, one);
      seconds[name].push(daemon.seconds);
      if (name === 'full') memory = memoryOf(daemon.pid);
      await daemon.stop(true);
    }
  }
  table(
    `Start until ready, medians of ${options.rounds} (2 s wanted with 1,000,000 waiting)`,
    ['waiting', 'seconds', 'anonymous MB'],
    [
      ['none', median(seconds.empty).toFixed(2), ''],
      [`${messages} in ${Math.min(messages, DOMAINS)} domains`, median(seconds.full).toFixed(2), Math.round(memory)],
    ],
  );
  await sink.stop();
}
