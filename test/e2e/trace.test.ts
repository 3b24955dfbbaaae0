/** `rampd trace` beside a running daemon: the dialogue of one lane and no other, one message and no other, and no body. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TraceLine } from '../../src/control/trace-view.js';
import { idOf, inject } from './inject.js';
import { MAIN, until, World, zones } from './world.js';

let w: World;
let tracer: ChildProcess | undefined;

beforeAll(async () => {
  w = new World();
  await w.receiver({ host: '127.0.2.1', hostName: 'mx.one.example' });
  await w.receiver({ host: '127.0.2.2', hostName: 'mx.two.example' });
  await w.prepare({
    zones: zones(
      { 'one.example': 'mx.one.example', 'two.example': 'mx.two.example' },
      { 'mx.one.example': '127.0.2.1', 'mx.two.example': '127.0.2.2' },
    ),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources: { hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none } }
pools: { main: { sources: [hot] } }
providers:
  one: { mx: [mx.one.example] }
  two: { mx: [mx.two.example] }
`,
  });
  await w.start();
});
afterAll(async () => {
  tracer?.kill();
  abort.abort();
  await w.stop();
});

const abort = new AbortController();

/** Lines as they come; resolves when the daemon listens. */
async function trace(target: string): Promise<TraceLine[]> {
  const lines: TraceLine[] = [];
  const stream = await w.client.trace(target, abort.signal);
  void (async () => {
    for await (const line of stream) lines.push(line as TraceLine);
  })();
  return lines;
}

const done = (lines: readonly TraceLine[]): boolean => lines.some(line => line.phase === 'end' && line.side === 'server');

it('shows EHLO to 250 of one lane, then of one message', async () => {
  const lines = await trace('hot/one');
  await inject(w.listenPort, { from: 'news@sender.example', to: ['a@two.example'] });
  await inject(w.listenPort, { from: 'news@sender.example', to: ['b@one.example'], size: 5_000 });
  await until(() => lines, done);
  expect(new Set(lines.map(line => `${line.source}/${line.provider} ${line.host}`))).toEqual(new Set(['hot/one mx.one.example']));
  const text = lines.map(line => `${line.phase} ${line.side} ${line.text}`);
  expect(text[0]).toMatch(/^greeting server 220 mx\.one\.example/);
  expect(text[1]).toBe('helo client EHLO hot.test.example');
  expect(text.find(t => t.startsWith('mail client'))).toMatch(/MAIL FROM:<news@sender\.example>/);
  expect(text.find(t => t.startsWith('end client'))).toMatch(/^end client <5,\d{3} bytes>$/);
  expect(text.at(-1)).toMatch(/^end server 250 /);
  expect(JSON.stringify(lines)).not.toContain('xxxxxxxx');

  await w.client.pause('hot', { author: 'ann' });
  const ids = (await inject(w.listenPort, ...['c', 'd'].map(name => ({ from: 'news@sender.example', to: [`${name}@one.example`] })))).map(
    idOf,
  );
  const one = await trace(ids[1] as string);
  await w.client.resume('hot', { author: 'ann' });
  await until(() => one, done);
  expect(new Set(one.map(line => line.message))).toEqual(new Set([ids[1]]));
  expect(one[0]?.text).toMatch(/^MAIL FROM/);
  expect(JSON.stringify(one)).toContain('d@one.example');
  expect(JSON.stringify(one)).not.toContain('c@one.example');
}, 30_000);

it('the command prints lines as they come, and refuses what nobody knows', async () => {
  tracer = spawn(process.execPath, [MAIN, 'trace', 'hot', '-c', w.file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  tracer.stdout?.on('data', chunk => (out += String(chunk)));
  // Until the command listens, mail passes unheard.
  for (let i = 0; !out.includes('end      ← 250'); i++) {
    await inject(w.listenPort, { from: 'news@sender.example', to: [`e${i}@one.example`] });
    await until(w.status.bind(w), status => status.totals.waiting === 0);
  }
  expect(out).toMatch(/^\d\d:\d\d:\d\d\.\d{3} hot\/one mx\.one\.example\[127\.0\.2\.1\] #\d+ mail {5}→ MAIL FROM:<news@sender\.example>/m);
  expect(await w.run('trace', 'hot/nowhere', '-c', w.file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('no message, lane or source called hot/nowhere') as string,
  });
}, 30_000);
