/**
 * The lab: the real daemon on loopback against simulated mailbox providers, on a clock that runs faster.
 *
 * Nothing of the daemon is replaced but its clock: real sockets, real DNS, real disk. It ends by itself after the days asked
 * for, or when stopped, and holds the receivers' own ledgers against the caps that were in force.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../../daemon.js';
import { createLog } from '../../daemon/log.js';
import type { FeedView } from '../../control/view.js';
import { DAY, type Instant } from '../../kernel/units.js';
import type { Campaign } from '../../rehearse/campaign.js';
import type { BadTime } from '../../rehearse/provider-model.js';
import { type RunningCampaign, startCampaign } from '../../rehearse/generator.js';
import { checkLedgers, type SourceCheck } from '../../rehearse/ledger-check.js';
import { type Receiver, startReceiver } from '../../rehearse/receiver.js';
import { createVirtualClock, type VirtualClock } from '../../rehearse/virtual-clock.js';
import { type LabWorld, startLabWorld } from '../../rehearse/world.js';
import { CapHistory } from './caps.js';
import { BEGINS, CAMPAIGN_AT, campaignOf, labConfig, LAB_SOURCES, type LabSource, SENDER_DOMAIN, SENDER_HOST, weekOf } from './plan.js';
import type { SourceResult } from './report.js';

/** Real milliseconds a MAIL FROM may be under way between the two ends of a loopback socket in one busy process. */
const UNDER_WAY = 20;

export interface LabOptions {
  readonly speed: number;
  readonly days: number;
  readonly seed: number;
  readonly schedule: string;
  /** Default: the four of plan.ts. */
  readonly sources?: readonly LabSource[];
  /** The campaign of a day, 0-based. */
  readonly campaign?: (day: number, seed: number) => Campaign;
  /** What goes wrong; default: the week of plan.ts. */
  readonly week?: (midnight: Instant) => readonly BadTime[];
  /** Time of day, milliseconds, at which the first day begins, and at which campaigns do. */
  readonly begins?: number;
  readonly campaignAt?: number;
  /** Where state, log and accounting go; a temporary folder that is removed when not given. */
  readonly dir?: string;
}

export interface LabResult {
  readonly sources: readonly SourceResult[];
  /** Lanes whose receivers saw more than their cap. */
  readonly lanes: readonly { readonly lane: string; readonly check: SourceCheck }[];
  readonly attempts: number;
  /** No receiver ever saw more than the cap in force. */
  readonly kept: boolean;
}

export interface Lab {
  readonly daemon: Daemon;
  readonly clock: VirtualClock;
  /** Wall time at which the first day began. */
  readonly begun: number;
  readonly dir: string;
  /** Resolves when the last day is over. */
  readonly over: Promise<void>;
  /** Stops everything and adds up. */
  finish(): Promise<LabResult>;
}

/** Rejects with FaultError or with a sentence; nothing is open then, and a temporary folder is gone. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'rampd-lab-'));
  const undo: (() => unknown)[] = options.dir === undefined ? [() => rmSync(dir, { recursive: true, force: true })] : [];
  try {
    return await begin(options, dir, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function begin(options: LabOptions, dir: string, undo: (() => unknown)[]): Promise<Lab> {
  mkdirSync(dir, { recursive: true });
  const { sources = LAB_SOURCES, campaign: campaignFor = campaignOf, begins = BEGINS, campaignAt = CAMPAIGN_AT, week = weekOf } = options;
  const midnight = Math.floor(Date.now() / DAY) * DAY;
  const begun = midnight + begins;
  const clock = createVirtualClock({ start: begun, speed: options.speed });
  const world = await startLabWorld({
    clock,
    seed: options.seed,
    badTimes: week(midnight),
    known: new Map(sources.flatMap(s => (s.past === undefined ? [] : [[s.address, s.past] as const]))),
  });
  undo.push(() => world.stop());
  const home = await startSenderHost(world, clock);
  undo.push(() => home.stop());
  const file = join(dir, 'rampd.yaml');
  const listen = await freePort();
  writeFileSync(file, labConfig({ sources, dir, listen, dns: world.dns.address, smtpPort: world.smtpPort, schedule: options.schedule }));
  const daemon = await startDaemon({
    settingsFile: file,
    cwd: dir,
    debug: false,
    clock,
    virtual: true,
    random: dice(options.seed),
    log: createLog({ log: { level: 'warn', file: join(dir, 'rampd.log') } }, false),
  });

  const caps = new CapHistory();
  const deaf = daemon.events.on('departed', ({ source, provider, at }) =>
    caps.departed({ source, provider }, daemon.governor, daemon.settings(), at),
  );
  const lines: FeedView[] = [];
  const unfollow = daemon.operations.follow(line => lines.push(line));

  let campaign: RunningCampaign | undefined;
  let stopped = false;
  const dayTimers = Array.from({ length: options.days }, (_, day) =>
    clock.at(midnight + day * DAY + campaignAt, () => {
      campaign?.stop();
      campaign = startCampaign({ host: '127.0.0.1', port: listen, clock, connections: 8 }, campaignFor(day, options.seed));
    }),
  );
  // Half an hour behind the last tick, so that its judgement is seen.
  const over = new Promise<void>(resolve => clock.at(midnight + options.days * DAY + BEGINS, resolve));

  return {
    daemon,
    clock,
    begun,
    dir,
    over,
    async finish() {
      if (stopped) throw new Error('the lab is finished already');
      stopped = true;
      for (const timer of dayTimers) timer.cancel();
      campaign?.stop();
      const last = daemon.operations.sources();
      await daemon.stop('lab');
      await daemon.done;
      unfollow();
      deaf();
      await Promise.all([world.stop(), home.stop()]);
      const result = addUp({ world, home, caps, lines, last, sources, speed: options.speed });
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
      return result;
    },
  };
}

interface Played {
  readonly world: LabWorld;
  readonly home: Receiver;
  readonly caps: CapHistory;
  readonly lines: readonly FeedView[];
  readonly last: readonly SourceResult['source'][];
  readonly sources: readonly LabSource[];
  readonly speed: number;
}

function addUp({ world, home, caps, lines, last, sources: played, speed }: Played): LabResult {
  const latency = UNDER_WAY * speed;
  const ledgers = [...world.ledgers.values(), home.ledger];
  const checks = new Map(
    checkLedgers(
      ledgers.map(l => l.entries()),
      caps.sources,
    ).map(c => [c.source, c]),
  );
  const lanes = [...world.ledgers].flatMap(([provider, ledger]) =>
    checkLedgers([ledger.entries()], caps.lanes.get(provider) ?? [], { latency })
      .filter(c => c.violations > 0)
      .map(check => ({ lane: `${check.source}/${provider}`, check })),
  );
  const sources = last.map((source): SourceResult => {
    const own = lines.filter(l => l.source === source.name);
    const count = (type: RegExp): number => own.filter(l => type.test(l.type)).length;
    return {
      source,
      firstStage: played.find(s => s.name === source.name)?.stage ?? null,
      check: checks.get(source.address),
      accepted: ledgers.reduce((sum, l) => sum + (l.totals().get(source.address)?.accepted ?? 0), 0),
      windows: count(/^window-opened$/),
      advanced: own.filter(l => l.type === 'stage-advanced' && l.provider === undefined).length,
      held: own.filter(l => l.type === 'stage-held' && l.provider === undefined).length,
      back: count(/^stage-(back|braked)$/),
    };
  });
  return {
    sources,
    lanes,
    attempts: [...checks.values()].reduce((sum, c) => sum + c.attempts, 0),
    kept: lanes.length === 0 && [...checks.values()].every(c => c.violations === 0),
  };
}

/** The sender's own mail host, which takes the notices of failure. */
async function startSenderHost(world: LabWorld, clock: VirtualClock): Promise<Receiver> {
  const host = await startReceiver({ clock, host: '127.0.2.250', port: world.smtpPort, hostName: SENDER_HOST });
  world.dns.set(SENDER_HOST, { a: ['127.0.2.250'] });
  world.dns.set(SENDER_DOMAIN, { mx: [{ preference: 10, exchange: SENDER_HOST }] });
  return host;
}

/** mulberry32: the same seed, the same jitter. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
