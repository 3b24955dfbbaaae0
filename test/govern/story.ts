/**
 * Random stories for the promises: a governor with two sources and two providers lives through sends with latency, rules,
 * pauses, reloads, ticks, lifts, kills and power cuts; receivers write down what they see and when.
 */
import fc from 'fast-check';
import type { WindowState } from '../../src/kernel/governor.js';
import type { LedgerRecord } from '../../src/kernel/ledger.js';
import type { Rule } from '../../src/kernel/reply.js';
import type { Settings } from '../../src/kernel/settings.js';
import type { KnownLane, LaneName, Permit } from '../../src/kernel/verdict.js';
import { DAY, HOUR, match, MINUTE, provider, type Recorded, rule, schedule, settings, source, Stand, T0 } from './ground.js';

export const LANES: readonly LaneName[] = [
  { source: 'hot', provider: 'alpha' },
  { source: 'hot', provider: 'beta' },
  { source: 'cold', provider: 'alpha' },
];

export const RULES: readonly Rule[] = [
  rule('slow', { window: 30 * MINUTE, recover: 20 * MINUTE, maxSmtpOut: 2, maxMsgPerHour: 40, class: 'reputation.defer', warmUp: 'hold' }),
  rule('weak', { window: 10 * MINUTE, recover: 0, maxMsgPerHour: 300 }),
  rule('stop', { window: 20 * MINUTE, recover: 40 * MINUTE, suspend: true, class: 'block.ip', warmUp: 'step-back' }),
  rule('twice', { trigger: { count: 2, per: 10 * MINUTE }, window: 15 * MINUTE, maxMsgPerHour: 20 }),
  rule('wide', { scope: 'source', window: 20 * MINUTE, maxMsgPerHour: 30 }),
  rule('ill', { scope: 'provider', window: 20 * MINUTE, maxMsgPerHour: 25 }),
  rule('domain', { scope: 'sender-domain', window: 20 * MINUTE, maxMsgPerHour: 12 }),
];

export interface Shape {
  readonly lane: number;
  readonly hotCap: number;
  readonly laneCap: number;
  readonly stages: readonly number[];
  readonly pacing: 'even' | 'burst';
}

export const shapes: fc.Arbitrary<Shape> = fc.record({
  lane: fc.constantFrom(15, 60, 100, 101, 400),
  hotCap: fc.constantFrom(20, 90, 250, Infinity),
  laneCap: fc.constantFrom(10, 100, 150, Infinity),
  stages: fc.constantFrom([20, 30, 45], [110, 150], [5, 10, 20]),
  pacing: fc.constantFrom('even', 'burst'),
});

/** Settings of a shape: `hot` has its own cap, `cold` warms up; each lane has defaults or its provider's cap. */
export function settingsOf(shape: Shape): Settings {
  const warmUp = { schedule: 'ramp', stage: 2, from: { file: 'rampd.yaml', line: 3, col: 1 } };
  return settings({
    sources: [source('hot', '192.0.2.1', { maxMsgPerHour: shape.hotCap }), source('cold', '192.0.2.2', {}, warmUp)],
    providers: [provider('alpha', {}, RULES), provider('beta', { maxMsgPerHour: shape.laneCap })],
    schedules: [schedule('ramp', shape.stages)],
    defaults: { maxMsgPerHour: shape.lane, pacing: shape.pacing, maxSmtpOut: 50 },
  });
}

/** The caps a shape states, warm-up and windows aside: what no departure may exceed whatever the governor believes. */
export function statedCaps(shape: Shape, lane: LaneName, warm: boolean): { lane: number; source: number } {
  return {
    lane: lane.provider === 'beta' ? shape.laneCap : shape.lane,
    source: lane.source === 'hot' ? shape.hotCap : warm ? Infinity : Math.max(...shape.stages),
  };
}

export type Step =
  | {
      readonly do: 'send';
      readonly lane: number;
      readonly wanted: number;
      readonly latency: number;
      readonly seen: number;
      readonly rule: number;
    }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'drain'; readonly lane: number; readonly most: number; readonly latency: number }
  | { readonly do: 'pause' | 'resume'; readonly target: number }
  | { readonly do: 'reload'; readonly shape: Shape }
  | { readonly do: 'lift' | 'expire' | 'tick' }
  | { readonly do: 'restart'; readonly end: 'clean' | 'killed' | 'power-cut'; readonly down: number };

const lane = fc.integer({ min: 0, max: LANES.length - 1 });
export const send: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('send' as const),
  lane,
  wanted: fc.integer({ min: 1, max: 40 }),
  latency: fc.integer({ min: 0, max: 90_000 }),
  seen: fc.integer({ min: 0, max: 100 }),
  rule: fc.oneof({ weight: 8, arbitrary: fc.constant(-1) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: RULES.length - 1 }) }),
});
export const wait: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('wait' as const),
  ms: fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 0, max: 20 * MINUTE }),
    fc.integer({ min: 30 * MINUTE, max: 70 * MINUTE }),
  ),
});
const drain: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('drain' as const),
  lane,
  most: fc.integer({ min: 1, max: 60 }),
  latency: fc.integer({ min: 0, max: 90_000 }),
});
/** Slow receivers, and departures just when an hour after the last ones is over. */
export const slowSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    drain.map(step => ({ ...step, lane: 0, most: 60 })),
    fc.integer({ min: HOUR, max: HOUR + 60_000 }).map(ms => ({ do: 'wait' as const, ms })),
  ),
  { maxLength: 12, size: 'max' },
);
const pause: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('pause' as const, 'resume' as const),
  target: fc.integer({ min: 0, max: 2 }),
});
const reload: fc.Arbitrary<Step> = fc.record({ do: fc.constant('reload' as const), shape: shapes });
const small: fc.Arbitrary<Step> = fc.record({ do: fc.constantFrom('lift' as const, 'expire' as const, 'tick' as const) });
const restart: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('restart' as const),
  end: fc.constantFrom('clean' as const, 'killed' as const, 'power-cut' as const),
  down: fc.oneof(fc.constant(0), fc.integer({ min: -10 * MINUTE, max: 80 * MINUTE })),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: send },
    { weight: 6, arbitrary: wait },
    { weight: 3, arbitrary: drain },
    { weight: 1, arbitrary: pause },
    { weight: 1, arbitrary: reload },
    { weight: 1, arbitrary: small },
    { weight: 1, arbitrary: restart },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
);

export const PAUSES = [
  { kind: 'source', name: 'hot' },
  { kind: 'provider', name: 'alpha' },
  { kind: 'lane', name: 'cold/alpha' },
] as const;

/** One recipient's attempt, by the receiver's clock, which is real time whatever the daemon's clock says. */
export interface Seen {
  readonly lane: LaneName;
  /** Real time of MAIL FROM's first byte and of the receiver's noticing. */
  readonly departed: number;
  readonly noticed: number;
  /** The caps in force at the departure. */
  readonly laneCap: number;
  readonly sourceCap: number;
}

interface Flight {
  readonly permit: Permit;
  readonly answers: number;
  readonly rule: Rule | undefined;
}

export class Story {
  stand: Stand;
  shape: Shape;
  readonly seen: Seen[] = [];
  /** Real time minus the daemon's: a wall clock set back during downtime moves it. */
  offset = 0;
  readonly paused = new Set<number>();
  #flights: Flight[] = [];
  /** What drains ask by, as the daemon does; what is sent singly is asked for by name. */
  #known = new Map<LaneName, LaneName | KnownLane>();
  #reloaded = T0;
  #ledger: LedgerRecord[] = [];
  #journal: Recorded[] = [];
  #snapshot: ReturnType<Stand['governor']['snapshot']> | undefined;

  constructor(shape: Shape) {
    this.shape = shape;
    this.stand = new Stand(settingsOf(shape));
  }

  run(story: readonly Step[]): void {
    for (const step of story) this.step(step);
  }

  step(step: Step): void {
    const { stand } = this;
    if (step.do === 'send') this.#send(LANES[step.lane] as LaneName, step);
    else if (step.do === 'wait') this.wait(step.ms);
    else if (step.do === 'drain') this.#drain(LANES[step.lane] as LaneName, step.most, step.latency);
    else if (step.do === 'pause' || step.do === 'resume') this.#pause(step.do, step.target);
    else if (step.do === 'reload') this.#reload(step.shape);
    else if (step.do === 'lift') this.#lift();
    else if (step.do === 'expire') stand.governor.expire(stand.now);
    else if (step.do === 'restart') this.#restart(step.end, step.down);
    else for (const name of ['hot', 'cold']) stand.governor.judge(name, stand.now, stand.now);
  }

  /** Time passes; answers come in on the way. */
  wait(ms: number): void {
    const end = this.stand.now + ms;
    for (;;) {
      const next = this.#flights.filter(f => f.answers <= end).sort((a, b) => a.answers - b.answers)[0];
      if (!next) break;
      this.#flights.splice(this.#flights.indexOf(next), 1);
      this.stand.now = Math.max(this.stand.now, next.answers);
      this.stand.answer(next.permit, match(next.rule ? { rule: next.rule } : {}));
    }
    this.stand.now = end;
  }

  land(): void {
    const last = Math.max(this.stand.now, ...this.#flights.map(f => f.answers));
    this.wait(last - this.stand.now);
  }

  windows(): readonly WindowState[] {
    return this.stand.governor.windows(this.stand.now);
  }

  #send(
    to: LaneName,
    { wanted, latency, seen, rule: which }: Omit<Extract<Step, { do: 'send' }>, 'do' | 'lane'>,
    by: LaneName | KnownLane = to,
  ): boolean {
    const verdict = this.stand.ask(by, wanted);
    if (!verdict.go) return false;
    if (!this.stand.governor.present(verdict.permit, this.stand.now)) throw new Error('a permit just given is void');
    const departed = this.stand.now + this.offset;
    const noticed = departed + Math.floor((latency * seen) / 100);
    const status = this.stand.governor.laneStatus(to, this.stand.now);
    const stated = statedCaps(this.shape, to, this.stand.governor.isWarm(to.source));
    const source = this.stand.governor.sourceStatus(to.source, this.stand.now);
    const one = {
      lane: to,
      departed,
      noticed,
      laneCap: Math.min(stated.lane, status.maxMsgPerHour),
      sourceCap: Math.min(stated.source, source.maxMsgPerHour),
    };
    for (let i = 0; i < verdict.permit.slots; i++) this.seen.push(one);
    this.#flights.push({ permit: verdict.permit, answers: this.stand.now + latency, rule: RULES[which] });
    return true;
  }

  #drain(to: LaneName, most: number, latency: number): void {
    const by = this.#known.get(to) ?? this.stand.governor.known(to);
    this.#known.set(to, by);
    for (let i = 0; i < most; i++) if (!this.#send(to, { wanted: 40, latency, seen: 100, rule: -1 }, by)) return;
  }

  #pause(verb: 'pause' | 'resume', target: number): void {
    const who = PAUSES[target] ?? PAUSES[0];
    if (verb === 'pause') this.stand.governor.pause(who, 'operator:eve', undefined, this.stand.now);
    else this.stand.governor.resume(who, 'operator:eve', this.stand.now);
    if (verb === 'pause') this.paused.add(target);
    else this.paused.delete(target);
  }

  #reload(shape: Shape): void {
    this.shape = shape;
    this.#reloaded = this.stand.now;
    this.stand.governor.configure(settingsOf(shape), this.stand.now);
  }

  #lift(): void {
    const [window] = this.windows();
    if (window) this.stand.governor.lift(window.id, 'operator:eve', undefined, this.stand.now);
  }

  /** `down` is what the daemon's wall clock says passed; a negative one is a clock set back while 1 s really passed. */
  #restart(end: 'clean' | 'killed' | 'power-cut', down: number): void {
    const { stand } = this;
    if (end === 'clean') this.land();
    this.#flights = [];
    this.#known = new Map();
    const crash = stand.now;
    // What the receivers noticed after the crash, they did not notice: the connection is gone.
    for (let i = this.seen.length - 1; i >= 0; i--) {
      const one = this.seen[i] as Seen;
      if (one.noticed > crash + this.offset) this.seen[i] = { ...one, noticed: crash + this.offset };
    }
    this.#ledger = [...this.#ledger, ...(end === 'power-cut' ? this.#synced(stand.ledger, crash) : stand.ledger)];
    this.#journal = [...this.#journal, ...stand.journal];
    const snapshot = this.#snapshot;
    // A snapshot is made now and then: every second restart finds the newest, the others replay the journal on an old one.
    this.#snapshot = this.#snapshot === undefined ? stand.governor.snapshot() : undefined;
    const after = this.#journal.filter(r => r.id > (snapshot?.lastRecord ?? 0));
    const now = crash + down;
    this.offset += down < 0 ? 1000 - down : 0;
    this.stand = new Stand(settingsOf(this.shape), now, undefined, g => g.restore(snapshot, after));
    this.stand.governor.restoreLedger(this.#ledger, end, now);
  }

  /**
   * What a power cut leaves: what came after the last sync is lost, at most 100 ms. Not lost here: a lane's first sign of life
   * within the hour, which nothing could make good, what left under settings that a reload replaced in that moment, and what
   * left on lanes that had no cap then.
   */
  #synced(records: readonly LedgerRecord[], crash: number): LedgerRecord[] {
    const sync = Math.max(crash - 100, this.#reloaded);
    const kept: LedgerRecord[] = [];
    const alive = new Set(this.#ledger.map(r => (r.kind === 'reserve' && r.at > crash - HOUR ? `${r.address}/${r.provider}` : '')));
    const uncapped = LANES.filter(l => Object.values(statedCaps(this.shape, l, false)).every(cap => cap === Infinity)).map(
      l => `${l.source === 'hot' ? '192.0.2.1' : '192.0.2.2'}/${l.provider}`,
    );
    for (const record of records) {
      const name = record.kind === 'reserve' ? `${record.address}/${record.provider}` : '';
      const lost = record.kind !== 'reserve' || (alive.has(name) && !uncapped.includes(name));
      if (record.at > sync && lost) continue;
      kept.push(record);
      if (record.at <= sync && record.at > crash - HOUR) alive.add(name);
    }
    return kept;
  }
}

export { DAY, HOUR, MINUTE, T0 };
