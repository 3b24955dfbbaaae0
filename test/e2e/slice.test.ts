/**
 * The whole path on real sockets: a client's message through a ramped source to a receiver, a window opened by 421 RP-001.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import { inject } from './inject.js';
import { until, World } from './world.js';

const HOTMAIL = 'outlook-com.olc.protection.outlook.com';

const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(w => w.stop()));
});

/** Two sources, microsoft and another provider; what the microsoft receiver answers is the test's. */
async function world(policy: ReceiverPolicy = {}, more = ''): Promise<World> {
  const w = new World();
  worlds.push(w);
  await w.receiver({ host: '127.0.2.1', hostName: HOTMAIL, policy });
  await w.receiver({ host: '127.0.2.2', hostName: 'mx.other.example' });
  await w.prepare({
    zones: {
      'hotmail.com': { mx: [{ preference: 10, exchange: HOTMAIL }] },
      'outlook.com': { mx: [{ preference: 10, exchange: HOTMAIL }] },
      [HOTMAIL]: { a: ['127.0.2.1'] },
      'other.example': { mx: [{ preference: 10, exchange: 'mx.other.example' }] },
      'mx.other.example': { a: ['127.0.2.2'] },
    },
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  cold-1: { address: 127.0.1.1, host-name: cold-1.test.example, warm-up: { schedule: four-weeks } }
  hot-1: { address: 127.0.1.2, host-name: hot-1.test.example, warm-up: none }
pools:
  main: { sources: [cold-1] }
  hot: { sources: [hot-1] }
${more}`,
  });
  return w;
}

describe('one message', () => {
  it.skipIf(!existsSync('/usr/bin/swaks'))('from swaks through a ramped source to a receiver', async () => {
    const w = await world();
    await w.start();
    const { stdout } = await promisify(execFile)('swaks', [
      '--server',
      `127.0.0.1:${w.listenPort}`,
      '--from',
      'news@sender.example',
      '--to',
      'somebody@hotmail.com',
    ]);
    expect(stdout).toMatch(/250 2\.0\.0 Ok: queued as 00-[0-9a-f]{10}/);
    const status = await until(
      () => w.status(),
      s => s.totals.delivered === 1,
    );
    expect(status.totals).toMatchObject({ accepted: 1, delivered: 1, waiting: 0 });
    expect(w.receivers[0]?.ledger.totals().get('127.0.1.1')?.accepted).toBe(1);
    const cold = status.sources.find(s => s.name === 'cold-1');
    expect(cold).toMatchObject({ state: 'warming', stage: 1, stages: 28, maxMsgPerHour: 20, attemptsLastHour: 1, deliveredToday: 1 });
    expect(await w.end('SIGTERM')).toBe(0);
  });
});

describe('421 RP-001', () => {
  it('opens a window on that lane alone, quotes itself in why, and survives kill -9', async () => {
    let angry = true;
    const w = await world({
      onMail: () =>
        angry ? { reply: "421 RP-001 (BAY004) Unfortunately, some messages from 127.0.1.1 weren't sent", close: true } : undefined,
    });
    await w.start();
    await inject(w.listenPort, { from: 'a@sender.example', to: ['x1@hotmail.com'] });
    const opened = await until(
      () => w.status(),
      s => s.windows.length > 0,
    );
    const window = opened.windows[0];
    expect(window).toMatchObject({ source: 'cold-1', provider: 'microsoft', scope: 'lane', maxSmtpOut: 5, maxMsgPerHour: 1000 });
    expect(Date.parse(window?.until ?? '') - Date.parse(window?.opened ?? '')).toBe(3_600_000);
    angry = false;
    const why = await w.run('why', 'cold-1/microsoft', '-c', w.file);
    expect(why.out).toContain('421 RP-001 (BAY004)');
    expect(why.out).toMatch(/schedules\/providers\/microsoft\.yaml:\d+:\d+/);
    // Another provider is not concerned.
    await inject(w.listenPort, { from: 'a@sender.example', to: ['y@other.example'] });
    await until(
      () => w.status(),
      s => s.totals.delivered === 1,
    );
    await w.end('SIGKILL');
    await w.start();
    const again = await w.status();
    expect(again.windows.map(x => [x.id, x.until])).toEqual([[window?.id, window?.until]]);
    expect(again.totals).toMatchObject({ accepted: 2, delivered: 1, waiting: 1 });
  });
});
