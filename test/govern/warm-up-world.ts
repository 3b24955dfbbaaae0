/**
 * A ramp with everything around it that a test needs: settings, recorded changes, and days that are sent and judged.
 */
import type { Counted } from '../../src/kernel/message.js';
import type { Place } from '../../src/kernel/fault.js';
import type { Limits } from '../../src/kernel/limits.js';
import type { OutcomeClass } from '../../src/kernel/reply.js';
import type { Condition, GateMetric, Schedule, Stage } from '../../src/kernel/schedule.js';
import type { Provider, Settings, Source } from '../../src/kernel/settings.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import type { Instant, Ms } from '../../src/kernel/units.js';
import type { NewRecord, Progress, Ramp, StageCaps } from '../../src/govern/ramp.js';
import { createRamp } from '../../src/govern/warm-up.js';

export const PLACE: Place = { file: 'schedules/test.yaml', line: 9, col: 3 };
/** 2026-03-02T04:00:00Z, a Monday: the tick before the first day. */
export const START: Instant = Date.UTC(2026, 2, 2, 4);
export const ADDRESS = '203.0.113.21';

export const limits = (values: { hour?: number; day?: number; out?: number; connect?: number }): Limits => ({
  ...(values.hour === undefined ? {} : { maxMsgPerHour: { value: values.hour, from: PLACE } }),
  ...(values.day === undefined ? {} : { maxMsgPerDay: { value: values.day, from: PLACE } }),
  ...(values.out === undefined ? {} : { maxSmtpOut: { value: values.out, from: PLACE } }),
  ...(values.connect === undefined ? {} : { maxConnectRate: { value: { count: values.connect, per: HOUR }, from: PLACE } }),
});

export const stagesOf = (all: readonly Limits[]): readonly Stage[] =>
  all.map((each, i) => ({ number: i + 1, limits: each, from: { ...PLACE, line: 20 + i } }));

export const hourly = (...caps: readonly number[]): readonly Stage[] => stagesOf(caps.map(hour => limits({ hour })));

export function condition(metric: GateMetric, op: Condition['op'], value: number): Condition {
  return {
    metric,
    op,
    value,
    from: { ...PLACE, line: 30 },
    text: `${metric} ${op} ${metric === 'window-open' ? `${value}ms` : `${value * 100}%`}`,
  };
}

/** The gates of the four-weeks schedule. */
export const GATES: Schedule['gates'] = {
  advance: [condition('sent', '>=', 0.5), condition('delivered', '>=', 0.9)],
  hold: [
    condition('deferral-rate', '>', 0.1),
    condition('hard-bounce-rate', '>', 0.05),
    condition('complaint-rate', '>', 0.001),
    condition('window-open', '>', 4 * HOUR),
  ],
  stepBack: [condition('block-rate', '>', 0.01), condition('deferral-rate', '>', 0.3), condition('complaint-rate', '>', 0.003)],
  minSample: 20,
};

export function schedule(stages: readonly Stage[], more: Partial<Schedule> = {}): Schedule {
  return {
    name: 'test',
    description: 'for tests',
    from: PLACE,
    tick: '0 4 * * *',
    timezone: 'UTC',
    advance: 'earned',
    stages,
    providers: new Map(),
    gates: GATES,
    idle: { after: 10 * DAY, stepBack: 1, every: 7 * DAY, restartAfter: 30 * DAY },
    growth: Infinity,
    ...more,
  };
}

export type WarmUpWords = Partial<NonNullable<Source['warmUp']>>;

export function source(words: WarmUpWords = {}, more: Partial<Source> = {}): Source {
  return {
    name: 'cold-1',
    address: ADDRESS,
    hostName: 'mta2.example.com',
    warmUp: { schedule: 'test', stage: 1, from: PLACE, ...words },
    limits: {},
    from: PLACE,
    ...more,
  };
}

export function settings(
  schedules: readonly Schedule[],
  sources: readonly Source[] = [source()],
  feedback: readonly string[] = [],
): Settings {
  const provider = (name: string): Provider => ({
    name,
    mx: [`*.${name}.example`],
    domains: [],
    smtpHosts: [],
    limits: {},
    rules: [],
    feedback: true,
    from: PLACE,
  });
  return {
    file: 'rampd.yaml',
    hostName: 'mta.example.com',
    stateDir: '/nowhere',
    node: 0,
    listeners: [],
    clients: [],
    maxMessageSize: 1,
    maxRecipients: 1,
    maxBacklog: Infinity,
    minFree: 0,
    sources: new Map(sources.map(s => [s.name, s])),
    pools: new Map(),
    providers: new Map(feedback.map(name => [name, provider(name)])),
    schedules: new Map(schedules.map(s => [s.name, s])),
    defaults: {},
    total: {},
    queueTo: [],
    dns: { servers: [] },
    smtpPort: 25,
    allowPrivate: false,
    control: { socket: '/nowhere/rampd.sock' },
    log: { level: 'info' },
    dsn: { from: 'postmaster@mta.example.com' },
    drain: 0,
    warnings: [],
  };
}

export class World {
  readonly records: (NewRecord & { id: number })[] = [];
  readonly changes: string[] = [];
  readonly ramp: Ramp;
  /** The running day began with this tick. */
  day: Instant;
  now: Instant;
  windowOpen: Ms = 0;
  pausedSince: Instant | undefined;

  constructor(
    public settings: Settings,
    start: Instant = START,
    state: Readonly<Record<string, Progress>> = {},
  ) {
    this.day = this.now = start;
    this.ramp = createRamp({
      record: record => this.records.push({ ...record, id: this.records.length + 1 }),
      changed: (name, provider) => void this.changes.push(provider === undefined ? name : `${name}/${provider}`),
      windowOpen: () => this.windowOpen,
      pausedSince: () => this.pausedSince,
    });
    for (const [key, progress] of Object.entries(state)) this.ramp.restore(key, progress);
    this.ramp.configure(this.settings, start);
  }

  reload(next: Settings): this {
    this.settings = next;
    this.ramp.configure(next, this.now);
    return this;
  }

  /** `n` fresh recipients come to the same end. */
  send(n: number, outcome: OutcomeClass = 'delivered', provider = 'google', name = 'cold-1'): this {
    for (let i = 0; i < n; i++) this.again([], outcome, provider, name);
    return this;
  }

  /** One recipient is tried again; returns what it carries on. */
  again(before: readonly Counted[], outcome: OutcomeClass, provider = 'google', name = 'cold-1'): readonly Counted[] {
    return this.ramp.count(name, provider, before, outcome, this.now).counted;
  }

  /** The day ends and is judged. */
  tick(days = 1, name = 'cold-1'): this {
    for (let i = 0; i < days; i++) {
      this.day += DAY;
      this.now = this.day;
      this.ramp.judge(name, this.day, this.now);
    }
    return this;
  }

  caps(name = 'cold-1'): StageCaps {
    const caps = this.ramp.sourceCaps(name);
    if (!caps) throw new Error(`${name} has no schedule`);
    return caps;
  }

  progress(provider?: string): Progress {
    const found = this.ramp.snapshot()[provider === undefined ? `progress:${ADDRESS}` : `progress:${ADDRESS}/${provider}`];
    if (!found) throw new Error('no progress');
    return found;
  }

  get last(): NewRecord {
    const record = this.records.at(-1);
    if (!record) throw new Error('nothing was recorded');
    return record;
  }
}

/** What a source may send in an hour now: 0 while suspended, Infinity without a schedule. */
export function capNow(ramp: Ramp, now: Instant, name = 'cold-1'): number {
  const caps = ramp.sourceCaps(name);
  if (!caps) return Infinity;
  const { suspended } = caps;
  if (suspended && (suspended.until === null || now < suspended.until)) return 0;
  return caps.limits.maxMsgPerHour?.value ?? Infinity;
}
