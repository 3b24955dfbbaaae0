/** Connections as receivers count them: never more than the limit, and not made again and again to a host that hangs up. */
import type net from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/kernel/units.js';
import { batch } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { type Host, Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

const config = (host: Host, limits = '{}'): string => `
clients: [{ from: 127.0.0.1, pool: main }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers: { p: { domains: [p.example], smtp-hosts: ["${host.name}"], limits: ${limits} } }
`;

it('a connection whose QUIT was not answered yet still counts towards max-smtp-out', async () => {
  const unanswered: (() => void)[] = [];
  const host = await scene.host((line, socket) => {
    if (line !== 'QUIT') return undefined;
    unanswered.push(() => socket.end('221 bye\r\n'));
    return '';
  });
  await scene.start(config(host, '{ max-smtp-out: 2, max-msg-per-connection: 1 }'));
  await scene.send(...batch(6, 'u', 'p.example'));
  // Each answer makes room for one connection.
  for (let delivered = 2; delivered <= 6; delivered++) {
    await until(
      () => host.bodies.length + unanswered.length,
      n => n === delivered + 2,
    );
    expect(host.open).toBe(2);
    unanswered.shift()?.();
  }
  expect([host.bodies.length, host.made, host.most]).toEqual([6, 6, 2]);
});

it.each([
  [
    '421 to STARTTLS',
    (line: string) => (line.startsWith('EHLO') ? '250-mx\r\n250 STARTTLS' : line === 'STARTTLS' ? '421 4.3.2 busy' : undefined),
  ],
  ['421 behind EHLO', (line: string) => (line.startsWith('EHLO') ? '250-mx\r\n250 PIPELINING\r\n421 4.3.2 busy' : undefined)],
])('a host that says %s rests, longer each time, and no attempt is counted', async (_what, answers) => {
  const host = await scene.host((line, socket) => {
    const said = answers(line);
    if (said?.includes('421') === true) setImmediate(() => socket.end());
    return said;
  });
  await scene.start(config(host));
  const [id = ''] = await scene.send(...batch(1, 'u', 'p.example'));
  const { operations } = scene.daemon;
  for (const [made, rest] of [
    [1, 15 * SECOND],
    [2, MINUTE],
    [3, 135 * SECOND],
  ] as const) {
    await until(
      () => host.made,
      n => n === made,
    );
    await until(
      () => scene.status().lanes.find(l => l.provider === 'p')?.connections,
      n => n === 0,
    );
    await scene.clock.run(rest - SECOND);
    expect(host.made).toBe(made);
    await scene.clock.run(SECOND);
  }
  const message = await operations.message(id);
  expect(message?.recipients[0]).toMatchObject({ attempts: 0 });
  expect(JSON.stringify(await operations.why(id))).toContain('4.3.2 busy');
});

it('a message needs one connection, however many recipients it has, and one behind it another', async () => {
  const held: net.Socket[] = [];
  let hold = false;
  const host = await scene.host((line, socket) => {
    if (line !== '.' || !hold) return undefined;
    held.push(socket);
    return '';
  });
  await scene.start(config(host));
  const to = (name: string): string[] => Array.from({ length: 5 }, (_, i) => `${name}${i}@p.example`);
  // A lane begins with one connection, and may have more when those before it went well.
  let delivered = 0;
  for (const messages of [1, 2, 4, 8]) {
    delivered += messages;
    await scene.send(...batch(messages, 'u', 'p.example'));
    await until(
      () => scene.status().totals.delivered,
      n => n === delivered,
    );
  }
  await scene.clock.run(MINUTE);
  await until(
    () => scene.status().lanes.find(l => l.provider === 'p')?.connections ?? 0,
    n => n === 0,
  );
  const before = host.made;
  hold = true;
  await scene.send({ from: 'news@sender.example', to: to('a') });
  await until(
    () => held.length,
    n => n === 1,
  );
  expect(host.made).toBe(before + 1);
  await scene.send({ from: 'news@sender.example', to: to('b') });
  await until(
    () => held.length,
    n => n === 2,
  );
  expect(host.made).toBe(before + 2);
  hold = false;
  for (const socket of held) socket.write('250 ok\r\n');
  await until(
    () => scene.status().totals.delivered,
    n => n === delivered + 10,
  );
  expect(host.made).toBe(before + 2);
});
