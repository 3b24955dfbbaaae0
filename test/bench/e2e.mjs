/**
 * Messages a second from the first byte handed in to the last delivered, at the sink; and how fast they were accepted.
 * Contenders take turns, so that whatever else the machine does falls on all of them; medians of the rounds are compared.
 */
import { inject } from './client.mjs';
import { bare, CONNECTIONS, postfix, rampd } from './contenders.mjs';
import { cpuOf } from './cpu.mjs';
import * as place from './place.mjs';
import { startSink } from './sink.mjs';
import { median, range, table } from './table.mjs';

/** Before anything is measured: code is compiled, connections are open. */
const WARM_UP = 5_000;
const LIMIT = 300_000;

/** Hands `messages` in and waits for them at the sink; both rates are messages a second. */
export async function pass(contender, sink, { bytes, messages, ours = false }) {
  const before = sink.count();
  const cpu = cpuOf(contender.pid);
  const from = performance.now();
  await inject(place, { port: contender.port, bytes, messages, sessions: CONNECTIONS, ours });
  const accepted = performance.now();
  const arrived = await sink.arrived(before + messages, LIMIT);
  const used = cpuOf(contender.pid);
  return {
    rate: (messages * 1_000) / (arrived - from),
    accept: (messages * 1_000) / (accepted - from),
    cpu: (used.all - cpu.all) / messages,
    loop: (used.loop - cpu.loop) / messages,
  };
}

/** One contender, started for it; its rates. */
export async function round(make, options, load) {
  const sink = await startSink(place, options.ours);
  const contender = await make(options, sink);
  if (!contender) {
    await sink.stop();
    return undefined;
  }
  try {
    await pass(contender, sink, { ...load, messages: Math.min(WARM_UP, load.messages), ours: options.ours });
    return { name: contender.name, ...(await pass(contender, sink, { ...load, ours: options.ours })) };
  } finally {
    await contender.stop();
    await sink.stop();
  }
}

export async function e2e(options) {
  const sizes = options.bytes === undefined ? [4_096, 20_480] : [options.bytes];
  const loads = sizes.map(bytes => ({ bytes, messages: options.messages ?? (bytes > 10_000 ? 15_000 : 30_000) }));
  const makers = { rampd, bare, postfix };
  const chosen = (options.contenders ?? ['rampd', 'bare', 'postfix']).map(name => makers[name]);
  for (const load of loads) {
    const found = new Map();
    for (let i = 0; i < options.rounds; i++) {
      for (const make of chosen) {
        const few = make === postfix ? { ...load, messages: Math.ceil(load.messages / 3) } : load;
        const result = await round(make, options, few);
        if (!result) {
          if (i === 0) console.log('!! Postfix is not installed, or this user may not run it: it is NOT compared.');
          continue;
        }
        if (!found.has(result.name)) found.set(result.name, []);
        found.get(result.name).push(result);
        if (options.verbose)
          console.log(
            `  round ${i + 1}: ${result.name} ${Math.round(result.rate)}/s, accept ${Math.round(result.accept)}/s, ${cpuText(result)}`,
          );
      }
    }
    const ours = median((found.get('rampd') ?? []).map(r => r.rate));
    table(
      `End to end, ${Number((load.bytes / 1024).toFixed(1))} KB, ${CONNECTIONS} sessions in, ${CONNECTIONS} connections out, ${options.rounds} rounds`,
      ['', 'messages/s', 'range', 'accepted/s', 'CPU µs each (event loop)', 'rampd / this'],
      [...found].map(([name, results]) => {
        const rates = results.map(r => r.rate);
        const ratio = Number.isFinite(ours) && name !== 'rampd' ? (ours / median(rates)).toFixed(2) : '';
        const middle = { cpu: median(results.map(r => r.cpu)), loop: median(results.map(r => r.loop)) };
        return [name, Math.round(median(rates)), range(rates), Math.round(median(results.map(r => r.accept))), cpuText(middle), ratio];
      }),
    );
  }
}

const cpuText = ({ cpu, loop }) => (Number.isFinite(cpu) ? `${Math.round(cpu)} (${Math.round(loop)})` : '');
