/**
 * kill -9, ten times, while clients inject and receivers answer: what was answered 250 arrives, what arrives twice was under
 * way, and a cap holds over all of it. Judged by the clients' and the receivers' own books alone.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createDice } from '../../src/rehearse/dice.js';
import { checkLedgers } from '../../src/rehearse/ledger-check.js';
import type { ReceiversLedger } from '../../src/rehearse/receivers-ledger.js';
import { batch, Client, idOf, injectMany } from './inject.js';
import { until, World, zones } from './world.js';

const CAP = 200;
const KILLS = 10;
const HOT = '127.0.1.1';
const COLD = '127.0.1.2';
/** max-smtp-out of the two sources together. */
const CONNECTIONS = 8 + 4;
/** A receiver takes this long over a message, ms. */
const ANSWER = 50;

const worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(w => w.stop()));
});

interface Arrivals {
  readonly world: World;
  /** When each recipient's message was taken, once for each copy. */
  readonly taken: Map<string, number[]>;
  readonly ledgers: ReceiversLedger[];
}

/** A warm source and a ramped one whose only stage is a cap of 200 an hour, as fast as the cap lets them. */
async function world(): Promise<Arrivals> {
  const w = new World();
  worlds.push(w);
  const taken = new Map<string, number[]>();
  const hosts = { 'mx.hot.example': '127.0.2.1', 'mx.cold.example': '127.0.2.2' };
  for (const [hostName, host] of Object.entries(hosts)) {
    await w.receiver({
      host,
      hostName,
      policy: { onMessage: () => ({ reply: '250 2.0.0 accepted', delay: ANSWER }) },
      onMessage(peer) {
        for (const recipient of peer.recipients) taken.set(recipient, [...(taken.get(recipient) ?? []), Date.now()]);
      },
    });
  }
  mkdirSync(join(w.dir, 'schedules'));
  writeFileSync(
    join(w.dir, 'schedules', 'capped.yaml'),
    `name: capped
tick: "0 4 * * *"
stages: [{ max-msg-per-hour: ${CAP}/h, pacing: burst }]
gates: { advance: { sent: ">= 50%" } }
`,
  );
  await w.prepare({
    zones: zones({ 'hot.example': 'mx.hot.example', 'cold.example': 'mx.cold.example' }, hosts),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: hot, allow-headers: true }]
schedules: [./schedules]
sources:
  hot-1: { address: ${HOT}, host-name: hot-1.test.example, warm-up: none, max-smtp-out: 8 }
  cold-1: { address: ${COLD}, host-name: cold-1.test.example, warm-up: { schedule: capped }, max-smtp-out: 4 }
pools:
  hot: { sources: [hot-1] }
  cold: { sources: [cold-1] }
defaults: { retry-after: 1s }
`,
  });
  return { world: w, taken, ledgers: w.receivers.map(r => r.ledger) };
}

/** Injects until told to stop, over one connection after the other; every recipient is new. Remembers what was answered 250. */
class Load {
  readonly promised = new Set<string>();
  readonly ids = new Set<string>();
  #sent = 0;
  #stopped = false;

  constructor(
    readonly port: number,
    readonly name: string,
    readonly coldMost: number,
  ) {}

  async run(): Promise<void> {
    let client: Client | undefined;
    while (!this.#stopped) {
      try {
        client = client?.alive ? client : await Client.open(this.port);
        const n = ++this.#sent;
        const cold = n % 4 === 0 && n / 4 <= this.coldMost;
        const recipient = `${this.name}${n}@${cold ? 'cold' : 'hot'}.example`;
        const id = idOf(await client.send({ from: 'news@sender.example', to: [recipient], headers: cold ? ['X-Pool: cold'] : [] }));
        if (this.ids.has(id)) throw new Error(`id ${id} was given twice`);
        this.ids.add(id);
        this.promised.add(recipient);
      } catch (error) {
        if (/given twice/.test(String(error))) throw error;
        // The daemon is down, or starting: nothing was promised.
        await new Promise(r => setTimeout(r, 10));
      }
    }
    client?.close();
  }

  stop(): void {
    this.#stopped = true;
  }
}

const attempts = (ledger: ReceiversLedger | undefined, source: string): number => ledger?.totals().get(source)?.attempts ?? 0;

it('loses nothing, doubles only what was under way, and never exceeds a cap', { timeout: 150_000 }, async () => {
  const { world: w, taken, ledgers } = await world();
  const dice = createDice(20);
  await w.start();
  const loads = ['a', 'b'].map(name => new Load(w.listenPort, name, 200));
  const running = loads.map(load => load.run());
  const promised = (domain = ''): number =>
    loads.reduce((sum, load) => sum + [...load.promised].filter(to => to.endsWith(domain)).length, 0);
  const kills: number[] = [];
  for (let i = 0; i < KILLS; i++) {
    // By what was taken, not by the clock: on a slow machine too there is mail under way.
    const enough = promised() + 20 + 120 * dice();
    await until(promised, n => n >= enough);
    await w.end('SIGKILL');
    kills.push(Date.now());
    await w.start();
  }
  await until(
    () => promised('@cold.example'),
    n => n > CAP + KILLS * 4 + 50,
  );
  loads.forEach(load => load.stop());
  await Promise.all(running);
  const whole = new Set(loads.flatMap(load => [...load.promised]));
  expect(new Set(loads.flatMap(load => [...load.ids])).size, 'ids are never given twice').toBe(whole.size);

  // All hot mail leaves; of the cold mail what the cap lets out.
  const capped = await until(
    () => w.status(),
    s => s.queues.every(q => q.pool === 'cold') && s.lanes.some(l => l.source === 'cold-1' && !l.verdict.go && l.attemptsLastHour >= CAP),
    40_000,
  );
  const cold = capped.lanes.find(l => l.source === 'cold-1');
  const seen = attempts(ledgers[1], COLD);
  expect(seen).toBeLessThanOrEqual(CAP);
  // What was reserved at a kill and never left stays counted: at most the connections of each kill.
  expect(seen).toBeGreaterThanOrEqual(CAP - KILLS * 4);
  expect(cold).toMatchObject({ attemptsLastHour: CAP, maxMsgPerHour: CAP, verdict: { go: false } });
  expect(cold?.verdict.because[0]).toMatchObject({ limit: 'max-msg-per-hour', value: CAP, used: CAP });
  expect(capped.queues.map(q => q.waiting).reduce((a, b) => a + b)).toBeGreaterThan(50);

  // The rest goes another way, and then nothing is missing.
  w.configure(text => text.replace('sources: [cold-1]', 'sources: [hot-1]'));
  await w.client.reload({ author: 'test' });
  const end = await until(
    () => w.status(),
    s => s.totals.waiting === 0,
    40_000,
  );
  expect([...whole].filter(recipient => !taken.has(recipient))).toEqual([]);
  expect(end.totals).toMatchObject({ accepted: taken.size, delivered: taken.size, bounced: 0, deleted: 0 });
  // A message whose 250 a kill cut off may be here all the same: one for each client.
  expect(taken.size - whole.size).toBeLessThanOrEqual(KILLS * loads.length);

  // Twice only what was under way at a kill: a message on each connection, and on each what was answered since the last
  // commit that became durable. A commit and the one being collected take less than two answers' time, so two of those.
  const doubled = kills.map((kill, i) => {
    const next = kills[i + 1] ?? Infinity;
    return [...taken.values()].filter(times => times.some((t, n) => n > 0 && t > kill && t <= next)).length;
  });
  for (const many of doubled) expect(many).toBeLessThanOrEqual(3 * CONNECTIONS);
  expect(doubled.reduce((a, b) => a + b)).toBe([...taken.values()].reduce((sum, times) => sum + times.length - 1, 0));

  const checks = checkLedgers(
    ledgers.map(l => l.entries()),
    [{ source: COLD, at: 0, cap: CAP }],
  );
  expect(checks.find(c => c.source === COLD)).toMatchObject({ violations: 0, over: 0 });
  expect(await w.end('SIGTERM')).toBe(0);
});

it('keeps to the cap by its ledger alone: without one it does not start, with an old one the receivers see too much', async () => {
  const { world: w, ledgers } = await world();
  const ledger = join(w.stateDir, 'ledger');
  const old = join(w.dir, 'old-ledger');
  await w.start();
  await w.end('SIGTERM');
  cpSync(ledger, old, { recursive: true });

  await w.start();
  await injectMany(w.listenPort, batch(CAP + 50, 'm', 'cold.example', { headers: ['X-Pool: cold'] }));
  await until(
    () => w.status(),
    s => s.totals.delivered === CAP,
  );
  await w.end('SIGKILL');
  await w.start();
  expect((await w.status()).lanes.find(l => l.source === 'cold-1')).toMatchObject({ attemptsLastHour: CAP, verdict: { go: false } });
  await w.end('SIGKILL');
  expect(attempts(ledgers[1], COLD)).toBe(CAP);

  rmSync(ledger, { recursive: true });
  const refused = await w.run('start', '-c', w.file);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.err).toContain(`${ledger}: the ledger is missing beside state.json`);

  cpSync(old, ledger, { recursive: true });
  await w.start();
  await until(
    () => w.status(),
    s => s.totals.delivered > CAP,
  );
  const [check] = checkLedgers(
    ledgers.map(l => l.entries()),
    [{ source: COLD, at: 0, cap: CAP }],
  );
  expect(check?.violations).toBeGreaterThan(0);
});
