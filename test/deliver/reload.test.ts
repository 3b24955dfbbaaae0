/** What a reload says of TLS and of addresses holds for connections that stand already. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { batch } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeEach(() => void (scene = new Scene()));
afterEach(() => scene.stop());

it('an open connection in the clear carries nothing more once require-starttls is in force', async () => {
  let answer: () => void = () => undefined;
  const host = await scene.host((line, socket) => {
    if (line !== '.' || host.bodies.length !== 2) return undefined;
    answer = () => void socket.write('250 ok\r\n');
    return '';
  });
  const config = (limits: string): string => `
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers: { p: { domains: [p.example], smtp-hosts: ["${host.name}"], limits: ${limits} } }
`;
  await scene.start(config('{ max-smtp-out: 1 }'));
  await scene.send(...batch(4, 'u', 'p.example'));
  await until(
    () => host.bodies.length,
    n => n === 2,
  );
  scene.configure(config('{ max-smtp-out: 1, require-starttls: true }'));
  await scene.daemon.reload('test');
  answer();
  await until(
    () => host.heard.filter(line => line === 'QUIT').length,
    n => n === 1,
  );
  await until(
    () => host.made,
    n => n === 2,
  );
  expect(host.bodies).toHaveLength(2);
});

it('an idle connection in the clear is closed by it', async () => {
  const host = await scene.host();
  const config = (limits: string): string => `
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers: { p: { domains: [p.example], smtp-hosts: ["${host.name}"], limits: ${limits} } }
`;
  await scene.start(config('{ idle-timeout: 10m }'));
  await scene.send(...batch(1, 'u', 'p.example'));
  await until(
    () => scene.status().totals.delivered,
    n => n === 1,
  );
  scene.configure(config('{ idle-timeout: 10m, require-starttls: true }'));
  await scene.daemon.reload('test');
  await scene.send(...batch(1, 'later', 'p.example'));
  await until(
    () => host.heard.filter(line => line === 'STARTTLS').length,
    n => n === 1,
  );
  expect(host.bodies).toHaveLength(1);
});

it('a source that has another address leaves the connections of the old one', async () => {
  const from: string[] = [];
  const host = await scene.host((line, socket) => {
    if (line.startsWith('MAIL')) from.push(socket.remoteAddress ?? '');
    return undefined;
  });
  const config = (address: string): string => `
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: ${address}, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers: { p: { domains: [p.example], smtp-hosts: ["${host.name}"], limits: { idle-timeout: 10m } } }
`;
  await scene.start(config('127.0.1.1'));
  await scene.send(...batch(1, 'u', 'p.example'));
  await until(
    () => scene.status().totals.delivered,
    n => n === 1,
  );
  scene.configure(config('127.0.1.2'));
  await scene.daemon.reload('test');
  await scene.send(...batch(1, 'later', 'p.example'));
  await until(
    () => scene.status().totals.delivered,
    n => n === 2,
  );
  expect(from).toEqual(['127.0.1.1', '127.0.1.2']);
});
