/**
 * Ground for governor tests: settings in a few words, matches and rules, a governor whose journal and ledger are arrays.
 */
import { CoreGovernor } from '../../src/govern/governor.js';
import type { MakeRamp } from '../../src/govern/core.js';
import { createRamp } from '../../src/govern/warm-up.js';
import type { Place } from '../../src/kernel/fault.js';
import type { Governor, Settled } from '../../src/kernel/governor.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import type { LedgerRecord } from '../../src/kernel/ledger.js';
import type { Limits, LimitValues } from '../../src/kernel/limits.js';
import type { OutcomeClass, Phase, ReplyMatch, Rule, Scope } from '../../src/kernel/reply.js';
import type { Schedule } from '../../src/kernel/schedule.js';
import type { Provider, Settings, Source } from '../../src/kernel/settings.js';
import { DAY, HOUR, type Instant, MINUTE } from '../../src/kernel/units.js';
import type { KnownLane, LaneName, Permit, Verdict } from '../../src/kernel/verdict.js';

export const T0: Instant = Date.UTC(2026, 0, 5);
const place = (file: string, line = 1): Place => ({ file, line, col: 1 });

/** `limits({ maxMsgPerHour: 20 }, 'rampd.yaml')` */
export function limits(values: Partial<LimitValues>, file = 'rampd.yaml'): Limits {
  return Object.fromEntries(Object.entries(values).map(([key, value], i) => [key, { value, from: place(file, i + 1) }])) as Limits;
}

export function source(name: string, address: string, values: Partial<LimitValues> = {}, warmUp?: Source['warmUp']): Source {
  return {
    name,
    address,
    hostName: `${name}.example`,
    limits: limits(values, 'source.yaml'),
    from: place('rampd.yaml'),
    ...(warmUp ? { warmUp } : {}),
  };
}

export function provider(name: string, values: Partial<LimitValues> = {}, rules: readonly Rule[] = []): Provider {
  const from = place(`${name}.yaml`);
  return { name, mx: [], domains: [`${name}.test`], smtpHosts: [], limits: limits(values, `${name}.yaml`), rules, feedback: false, from };
}

export interface Ground {
  readonly sources?: readonly Source[];
  readonly providers?: readonly Provider[];
  readonly schedules?: readonly Schedule[];
  readonly defaults?: Partial<LimitValues>;
  readonly total?: Partial<LimitValues>;
}

const by = <T extends { readonly name: string }>(things: readonly T[]): ReadonlyMap<string, T> => new Map(things.map(t => [t.name, t]));

export function settings(ground: Ground = {}): Settings {
  return {
    file: 'rampd.yaml',
    hostName: 'mta.example',
    stateDir: '/nowhere',
    node: 0,
    listeners: [],
    clients: [],
    maxMessageSize: 1e6,
    maxRecipients: 1000,
    maxBacklog: Infinity,
    minFree: 0,
    sources: by(ground.sources ?? [source('hot', '192.0.2.1')]),
    pools: new Map(),
    providers: by(ground.providers ?? [provider('alpha')]),
    schedules: by(ground.schedules ?? []),
    defaults: limits({ maxSmtpOut: 20, ...ground.defaults }, 'defaults.yaml'),
    total: limits(ground.total ?? {}, 'total.yaml'),
    queueTo: [],
    dns: { servers: [] },
    smtpPort: 25,
    allowPrivate: false,
    control: { socket: '/nowhere' },
    log: { level: 'info' },
    dsn: { from: '' },
    drain: 0,
    warnings: [],
  };
}

/** A schedule of hourly caps; generous gates. */
export function schedule(name: string, perHour: readonly number[], more: Partial<Schedule> = {}): Schedule {
  const from = place(`${name}.yaml`);
  return {
    name,
    description: '',
    from,
    tick: '0 0 * * *',
    timezone: 'UTC',
    advance: 'earned',
    stages: perHour.map((cap, i) => ({
      number: i + 1,
      limits: limits({ maxMsgPerHour: cap }, `${name}.yaml`),
      from: place(`${name}.yaml`, i + 1),
    })),
    providers: new Map(),
    gates: { advance: [], hold: [], stepBack: [], minSample: 20 },
    idle: { after: 10 * DAY, stepBack: 1, every: 7 * DAY, restartAfter: 30 * DAY },
    growth: Infinity,
    ...more,
  };
}

export interface RuleWords {
  readonly class?: OutcomeClass;
  readonly scope?: Scope;
  readonly trigger?: { readonly count: number; readonly per: number };
  readonly window?: number;
  readonly recover?: number;
  readonly suspend?: boolean;
  readonly maxSmtpOut?: number;
  readonly maxMsgPerHour?: number;
  readonly maxMsgPerConnection?: number;
  readonly maxConnectRate?: number;
  readonly warmUp?: Rule['warmUp'];
  readonly bare?: boolean;
}

export function rule(id: string, words: RuleWords = {}): Rule {
  const { maxSmtpOut, maxMsgPerHour, maxMsgPerConnection, maxConnectRate } = words;
  const stated = Object.entries({ maxSmtpOut, maxMsgPerHour, maxMsgPerConnection, maxConnectRate }).filter(([, v]) => v !== undefined);
  const window = words.window ?? HOUR;
  return {
    id,
    provider: 'alpha',
    from: place('alpha.yaml', 7),
    match: {},
    class: words.class ?? 'throttle.rate',
    trigger: words.trigger ?? { count: 1, per: HOUR },
    scope: words.scope ?? 'lane',
    warmUp: words.warmUp ?? 'none',
    samples: [],
    never: [],
    ...(words.bare
      ? {}
      : { reaction: { window, suspend: words.suspend ?? false, recover: words.recover ?? window, ...Object.fromEntries(stated) } }),
  };
}

export function match(
  words: { class?: OutcomeClass; rule?: Rule; scope?: Scope; phase?: Phase; code?: number; hint?: number } = {},
): ReplyMatch {
  const outcome = words.class ?? words.rule?.class ?? 'delivered';
  const code = words.code ?? (outcome === 'delivered' ? 250 : 421);
  const line = `${code} ${outcome}`;
  return {
    class: outcome,
    scope: words.scope ?? words.rule?.scope ?? 'lane',
    reply: { code, text: outcome, line },
    phase: words.phase ?? 'end',
    fate: outcome === 'delivered' ? 'deliver' : 'defer',
    ...(words.rule ? { rule: words.rule } : {}),
    ...(words.hint === undefined ? {} : { hint: words.hint }),
  };
}

export type Recorded = Omit<JournalRecord, 'time'>;

export class Stand {
  readonly journal: Recorded[] = [];
  readonly ledger: LedgerRecord[] = [];
  readonly woken: string[] = [];
  readonly governor: Governor;
  readonly settings: Settings;
  now: Instant;

  constructor(ground: Ground | Settings = {}, now = T0, makeRamp: MakeRamp = createRamp, prepare?: (governor: Governor) => void) {
    this.now = now;
    this.governor = new CoreGovernor(
      {
        journal: record => void this.journal.push(record),
        ledger: record => void this.ledger.push(record),
        changed: (s, p) => void this.woken.push(`${s ?? '*'}/${p ?? '*'}`),
      },
      makeRamp,
      1,
    );
    prepare?.(this.governor);
    this.settings = 'file' in ground ? ground : settings(ground);
    this.governor.configure(this.settings, now);
  }

  ask(lane: LaneName | KnownLane, wanted = 1, who: { senderDomain?: string; recipientDomain?: string } = {}): Verdict {
    return this.governor.decide({ lane, senderDomain: 'sender.test', recipientDomain: 'rcpt.test', wanted, ...who }, this.now);
  }

  /** A permit, or the test fails. */
  go(lane: LaneName | KnownLane, wanted = 1, who: { senderDomain?: string; recipientDomain?: string } = {}): Permit {
    const verdict = this.ask(lane, wanted, who);
    if (!verdict.go) throw new Error(`expected go, but: ${JSON.stringify(verdict.because())}`);
    return verdict.permit;
  }

  /** Sends one transaction answered `m` at once. */
  send(lane: LaneName | KnownLane, m: ReplyMatch = match(), wanted = 1): Permit {
    const permit = this.go(lane, wanted);
    if (!this.governor.present(permit, this.now)) throw new Error('void permit');
    this.answer(permit, m);
    return permit;
  }

  answer(permit: Permit, m: ReplyMatch = match()): void {
    const one: Settled = { match: m, recipient: 'r@rcpt.test', counted: [] };
    this.governor.settle(
      permit,
      this.now,
      Array.from({ length: permit.slots }, () => one),
      this.now,
    );
  }

  connect(lane: LaneName | KnownLane): number {
    const verdict = this.governor.mayConnect(lane, this.now);
    if (!verdict.go) throw new Error(`expected a connection, but: ${JSON.stringify(verdict.because())}`);
    return verdict.connection;
  }
}

export const HOT: LaneName = { source: 'hot', provider: 'alpha' };
export { DAY, HOUR, MINUTE };
