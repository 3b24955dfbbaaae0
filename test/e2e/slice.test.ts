/**
 * The whole path on real sockets: a client's message through a ramped source to a receiver, a window opened by 421 RP-001.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusView } from '../../src/control/view.js';
import type { Answer, Peer, ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import { batch, inject, injectMany } from './inject.js';
import { Gate, until, World, zones } from './world.js';

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
    expect(again.windows.map(x => x.id)).toEqual([window?.id]);
    sameInstant(again.windows[0]?.until, window?.until);
    expect(again.totals).toMatchObject({ accepted: 2, delivered: 1, waiting: 1 });
  });
});

/**
 * Shown times are policy instants by the wall clock, which each process reads anew, a moment apart from the monotonic one. A
 * window that began anew would end minutes later.
 */
function sameInstant(a: string | undefined, b: string | undefined): void {
  expect(Math.abs(Date.parse(a ?? '') - Date.parse(b ?? ''))).toBeLessThan(5_000);
}

const RP001 = "421 RP-001 (BAY004) Unfortunately, some messages from 127.0.1.3 weren't sent";

class Microsoft {
  readonly gate = new Gate();
  /** Says RP-001 to the sources it is angry with, when it answers and not when it was asked. */
  angry = false;
  /** Connections at the busiest MAIL FROM, by source. */
  readonly busiest = new Map<string, number>();
  /** Every MAIL FROM so far. */
  mails = 0;

  get policy(): ReceiverPolicy {
    const answer = (peer: Peer): Answer => {
      const angry = (): boolean => this.angry && peer.source === '127.0.1.3';
      return {
        delay: 1,
        get reply() {
          return angry() ? RP001 : '250 2.0.0 accepted';
        },
        get close() {
          return angry();
        },
      };
    };
    return {
      onMail: peer => {
        this.mails++;
        this.busiest.set(peer.source, Math.max(this.busiest.get(peer.source) ?? 0, peer.connections));
        return undefined;
      },
      onMessage: peer => answer(peer),
    };
  }

  /** Answers the oldest `most` messages with 421. */
  rage(most = Infinity): void {
    this.angry = true;
    this.gate.release(most);
    this.angry = false;
  }
}

/** A warm source with so many connections to Microsoft, a message under way on each; the receiver answers when told to. */
async function busy(connections = 20): Promise<{ w: World; microsoft: Microsoft }> {
  const w = new World();
  worlds.push(w);
  const microsoft = new Microsoft();
  await w.receiver({ host: '127.0.2.1', hostName: HOTMAIL, clock: microsoft.gate, policy: microsoft.policy });
  await w.receiver({ host: '127.0.2.2', hostName: 'mx.other.example' });
  await w.prepare({
    zones: zones(
      { 'hotmail.com': HOTMAIL, 'other.example': 'mx.other.example' },
      { [HOTMAIL]: '127.0.2.1', 'mx.other.example': '127.0.2.2' },
    ),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: a, allow-headers: true }]
sources:
  hot-a: { address: 127.0.1.3, host-name: hot-a.test.example, warm-up: none }
  hot-b: { address: 127.0.1.4, host-name: hot-b.test.example, warm-up: none }
pools:
  a: { sources: [hot-a] }
  b: { sources: [hot-b] }
# As fast as the limits let mail go: connections are what binds.
defaults: { pacing: burst }
providers: { microsoft: { limits: { max-smtp-out: ${connections} } } }
`,
  });
  await w.start();
  await injectMany(w.listenPort, batch(400 + 2 * connections, 'a', 'hotmail.com'));
  await fill(microsoft.gate, connections);
  const before = laneOf(await w.status(), 'hot-a', 'microsoft');
  expect(before).toMatchObject({ connections, maxSmtpOut: connections, windows: [] });
  return { w, microsoft };
}

const laneOf = (s: StatusView, source: string, provider: string) => s.lanes.find(l => l.source === source && l.provider === provider);

/** Answers one message after the other until so many are under way at once. */
function fill(gate: Gate, connections: number): Promise<number> {
  return until(
    () => {
      if (gate.held < connections) gate.release(1);
      return gate.held;
    },
    held => held >= connections,
  );
}

/** Answers all that is under way, `rounds` times over. */
async function serve(gate: Gate, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await until(
      () => gate.held,
      held => held > 0,
    );
    gate.release();
  }
}

describe('421 RP-001 on a busy lane', () => {
  it('leaves five of twenty connections from the next MAIL FROM on, on that lane alone, over kill -9, until it is lifted', async () => {
    const { w, microsoft } = await busy();
    const { gate, busiest } = microsoft;
    // One of the twenty is told; nineteen are under way still.
    microsoft.rage(1);
    const opened = await until(
      () => w.status(),
      s => s.windows.length > 0,
    );
    const window = opened.windows[0];
    expect(window).toMatchObject({ source: 'hot-a', provider: 'microsoft', maxSmtpOut: 5, maxMsgPerHour: 1000, hits: 1 });
    const why = await w.client.why('hot-a/microsoft');
    const binding = why.lanes[0]?.verdict.because[0];
    expect(binding).toMatchObject({ limit: 'max-smtp-out', value: 5, used: 19, window: window?.id, reply: RP001 });
    expect(binding?.from).toMatch(/schedules\/providers\/microsoft\.yaml:\d+:\d+$/);
    const told = await w.run('why', 'hot-a/microsoft', '-c', w.file);
    expect(told.code).toBe(0);
    expect(told.out).toContain(`“${RP001}”`);
    expect(told.out).toMatch(/window w1's max-smtp-out 5 reached: 19 connections open \(schedules\/providers\/microsoft\.yaml:\d+:\d+\)/);

    busiest.clear();
    gate.release();
    await serve(gate, 8);
    // The first MAIL FROM after the reply may find connections on which a message ends, never a sixth that begins one.
    await until(
      () => w.status(),
      s => laneOf(s, 'hot-a', 'microsoft')?.connections === 5,
    );
    busiest.clear();
    await serve(gate, 8);
    expect(busiest.get('127.0.1.3')).toBe(5);

    // Another source, and another provider of this one, know nothing of it.
    await injectMany(w.listenPort, [...batch(60, 'b', 'hotmail.com', { headers: ['X-Pool: b'] }), ...batch(3, 'o', 'other.example')]);
    await until(
      () => (gate.release(), busiest.get('127.0.1.4') ?? 0),
      most => most > 5,
    );
    const others = await until(
      () => w.status(),
      s => s.queues.every(q => q.domain !== 'other.example'),
    );
    expect(laneOf(others, 'hot-b', 'microsoft')).toMatchObject({ maxMsgPerHour: null, windows: [] });
    const elsewhere = others.lanes.find(l => l.source === 'hot-a' && l.provider !== 'microsoft');
    expect(elsewhere).toMatchObject({ attemptsLastHour: 3, maxMsgPerHour: null, windows: [] });

    await w.end('SIGKILL');
    await w.start();
    const again = (await w.status()).windows;
    expect(again).toMatchObject([{ id: window?.id, hits: 1, maxSmtpOut: 5, maxMsgPerHour: 1000 }]);
    sameInstant(again[0]?.opened, window?.opened);
    sameInstant(again[0]?.until, window?.until);
    busiest.clear();
    // A lane begins with one connection after a restart.
    await until(
      () => (gate.release(), busiest.get('127.0.1.3') ?? 0),
      most => most >= 5,
    );
    await serve(gate, 8);
    expect(busiest.get('127.0.1.3')).toBe(5);

    const lifted = await w.run('lift', window?.id ?? '', '--why', 'Microsoft called', '-c', w.file);
    expect(lifted).toMatchObject({ code: 0, out: 'window w1 is lifted\n' });
    expect(w.journal().find(r => r.type === 'window-lifted')).toMatchObject({
      author: 'operator:ann',
      window: 'w1',
      text: 'window w1 lifted: Microsoft called',
    });
    await until(
      () => (gate.release(1), busiest.get('127.0.1.3') ?? 0),
      most => most > 5,
    );
    expect((await w.run('lift', 'w1', '-c', w.file)).code).toBe(1);
  });

  it('lets none of two hundred begin another message until fewer than five are under way', async () => {
    const { w, microsoft } = await busy(200);
    const { gate } = microsoft;
    const { mails } = microsoft;
    microsoft.rage(1);
    await until(
      () => w.status(),
      s => s.windows.length > 0,
    );
    expect(gate.held).toBe(199);
    // Before it, every answer let the next MAIL FROM go: so the two hundred came to be.
    gate.release(194);
    // Each of them has been answered when its connection is gone.
    await until(
      () => w.status(),
      s => laneOf(s, 'hot-a', 'microsoft')?.connections === 5,
    );
    expect([microsoft.mails - mails, gate.held]).toEqual([0, 5]);
    gate.release(1);
    await until(
      () => gate.held,
      held => held === 5,
    );
    expect(microsoft.mails - mails).toBe(1);
  });

  it('is one event when twenty connections hear it at once, and a new one when a later message does', async () => {
    const { w, microsoft } = await busy();
    const { gate } = microsoft;
    const { deferred } = (await w.status()).totals;
    microsoft.rage();
    const once = await until(
      () => w.status(),
      s => s.totals.deferred === deferred + 20,
    );
    expect(once.windows).toMatchObject([{ hits: 1, maxSmtpOut: 5, maxMsgPerHour: 1000 }]);
    expect(w.journal().filter(r => r.type.startsWith('window-'))).toMatchObject([{ type: 'window-opened' }]);

    await until(
      () => gate.held,
      held => held > 0,
    );
    microsoft.rage(1);
    const twice = await until(
      () => w.status(),
      s => s.windows[0]?.hits === 2,
    );
    expect(twice.windows).toMatchObject([{ id: once.windows[0]?.id, maxSmtpOut: 2, maxMsgPerHour: 500 }]);
    expect(w.journal().filter(r => r.type.startsWith('window-'))).toMatchObject([{ type: 'window-opened' }, { type: 'window-extended' }]);
  });
});
