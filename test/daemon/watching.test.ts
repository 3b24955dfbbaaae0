/** The daemon, running, looks by itself whether mail leaves: due mail that nothing may carry is an alert in time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDaemon } from '../../src/daemon.js';
import { MINUTE } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { Wire } from '../accept/dialogue.js';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-watch-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('tells that nothing was delivered', async () => {
  let told: (body: string) => void = () => undefined;
  const alert = new Promise<string>(resolve => (told = resolve));
  const hook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      response.end();
      told(body);
    });
  });
  await new Promise<void>(done => hook.listen(0, '127.0.0.1', done));
  writeFileSync(
    join(dir, 'rampd.yaml'),
    `host-name: mta.test.example
state-dir: state
allow-private: true
listeners: [{ address: "127.0.0.1:0" }]
clients: [{ from: 127.0.0.1, pool: main }]
sources: { a: { address: 127.0.1.1, warm-up: none, max-msg-per-hour: none } }
pools: { main: { sources: [a] } }
providers: { internal: { domains: [corp.example], smtp-hosts: ["127.0.2.1:9"] } }
alerts: [{ on: nothing-delivered, nothing-for: 10m, webhook: "http://127.0.0.1:${(hook.address() as AddressInfo).port}/" }]
log: { level: error }
`,
  );
  const clock = createManualClock(Date.UTC(2026, 2, 2, 5));
  const daemon = await startDaemon({ settingsFile: 'rampd.yaml', cwd: dir, debug: false, clock, virtual: true });
  const client = await Wire.open(daemon.listeners[0]?.port ?? 0);
  try {
    await client.reply();
    await client.say('EHLO app', 'MAIL FROM:<news@sender.example>', 'RCPT TO:<m@corp.example>', 'DATA');
    expect(await client.ask('Subject: x\r\n\r\nbody\r\n.')).toMatch(/^250 /);
    for (let minute = 0; minute < 12; minute++) await clock.run(MINUTE);
    expect(JSON.parse(await alert)).toMatchObject({ kind: 'nothing-delivered', pool: 'main' });
  } finally {
    client.destroy();
    await daemon.stop('test');
    hook.close();
  }
}, 10_000);
