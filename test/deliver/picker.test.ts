/** Who leaves together: recipients of one message, as far as each of them may leave from there. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE } from '../../src/kernel/units.js';
import { until } from '../e2e/world.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

it('a greylisted recipient goes back to its source, and is not taken along by another', async () => {
  const asked: { readonly from: string; readonly to: string }[] = [];
  const host = await scene.host((line, socket) => {
    const to = /^RCPT TO:<(\w+)@/.exec(line)?.[1];
    if (to === undefined) return undefined;
    asked.push({ from: socket.remoteAddress ?? '', to });
    if (asked.length > 2) return undefined;
    return to === 'grey' ? '451 4.7.1 Greylisted, please try again later' : '450 4.3.2 not now';
  });
  await scene.start(`
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources:
  a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none }
  b: { address: 127.0.1.2, host-name: b.test.example, warm-up: none }
pools: { main: { sources: [a, b], sticky-for: 4h } }
defaults: { retry-after: [10m] }
providers: { p: { domains: [p.example], smtp-hosts: ["${host.name}"] } }
`);
  await scene.send({ from: 'news@sender.example', to: ['grey@p.example', 'other@p.example'] });
  await until(
    () => scene.status().totals.deferred,
    n => n === 2,
  );
  const first = asked[0]?.from;
  const [name, another] = first === '127.0.1.1' ? ['a', 'b'] : ['b', 'a'];
  const { operations } = scene.daemon;
  // Both are due when the other source may take one.
  for (const source of [name, another]) await operations.pause(source, { author: 'ann' });
  for (let minute = 0; minute < 20; minute++) await scene.clock.run(MINUTE);
  await operations.resume(another, { author: 'ann' });
  await until(
    () => scene.status().totals.delivered,
    n => n >= 1,
  );
  await operations.resume(name, { author: 'ann' });
  await until(
    () => scene.status().totals.delivered,
    n => n === 2,
  );
  expect(asked.filter(a => a.to === 'grey').map(a => a.from)).toEqual([first, first]);
  expect(asked.filter(a => a.to === 'other')[1]?.from).not.toBe(first);
});
