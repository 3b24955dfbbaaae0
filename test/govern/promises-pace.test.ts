/**
 * Promise 4 where mail is paced: a governor restored from snapshot, journal and ledger waits as long, and for the same, as one
 * that never stopped, also when a window or a reload has slowed the lane since.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../../src/govern/account.js';
import { Compiler } from '../../src/govern/compile.js';
import { take } from '../../src/govern/pace.js';
import { valueAt } from '../../src/govern/window.js';
import type { Rule } from '../../src/kernel/reply.js';
import type { Reason } from '../../src/kernel/verdict.js';
import { HOT, match, provider, rule, settings, Stand } from './ground.js';
import { fails, RUNS } from './property.js';
import { HOUR, MINUTE, RULES, Story } from './story.js';

afterEach(() => void vi.restoreAllMocks());

/** Departures of one lane, each `late` after the grid let it, some answered by a rule; or silence. */
const onTheGrid = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ leave: fc.integer({ min: 1, max: 80 }), late: fc.integer({ min: 0, max: 4_000 }) }) },
    { weight: 2, arbitrary: fc.record({ rule: fc.constantFrom(0, 1, 3, 5) }) },
    { weight: 2, arbitrary: fc.record({ silence: fc.integer({ min: 0, max: 25 * MINUTE }) }) },
  ),
  { minLength: 2, maxLength: 15 },
);

/** What the hour and its grid say; what a lane has in flight with a provider that slows it is learnt anew. */
const limitsOf = ({ governor, now }: Stand): readonly Reason[] =>
  governor.explain(HOT, {}, now).verdict.because.filter(r => r.limit !== 'concurrency');

/** A governor killed with nothing under way waits as long, and for the same, as one that never stopped, or a bucket longer. */
function pacedAlike(): void {
  const BUCKET = HOUR / 100;
  fc.assert(
    fc.property(onTheGrid, list => {
      const { stand } = new Story({ lane: 400, hotCap: Infinity, laneCap: 400, stages: [20], pacing: 'even' });
      const leave = (late: number, which?: Rule): void => {
        const { verdict } = stand.governor.explain(HOT, {}, stand.now);
        if (!verdict.go) stand.now = (verdict.until ?? 0) + late;
        stand.send(HOT, match(which ? { rule: which } : {}));
      };
      for (const step of list) {
        if ('silence' in step) stand.now += step.silence;
        else if ('rule' in step) leave(0, RULES[step.rule] as Rule);
        else for (let i = 0; i < step.leave; i++) leave(step.late);
      }
      const twin = restarted(stand);
      for (const ms of [0, 5_000, 3 * MINUTE, 20 * MINUTE]) {
        stand.now = twin.now += ms;
        const [live, restored] = [limitsOf(stand), limitsOf(twin)];
        const [a, b] = [live, restored].map(list => Math.max(stand.now, ...list.map(r => r.until ?? Infinity))) as [number, number];
        // How a window since tightened or gone bound a departure is not known: its place on the grid is its instant, to one slot.
        const slot = Math.max(0, ...restored.map(r => (r.limit === 'pacing' && r.window ? HOUR / (r.value ?? Infinity) : 0)));
        if (b < a - HOUR / 400 || b > a + Math.max(BUCKET, slot)) throw new Error(`a restart makes it wait ${b - a} ms more`);
        for (const { used, until: _, ...hour } of live.filter(r => r.limit === 'max-msg-per-hour')) {
          const same = restored.find(r => r.limit === hour.limit && r.from === hour.from && r.window === hour.window);
          expect(same).toMatchObject(hour);
          expect(same?.used).toBeGreaterThanOrEqual(used ?? 0);
        }
        for (const reason of [...live, ...restored]) neverBeyondWindow(reason, stand);
      }
    }),
    RUNS,
  );
}

/** The grid asks for one slot's distance at most, and for no more than the limit behind it from the window's end on. */
function neverBeyondWindow({ limit, value, window: id, until }: Reason, { governor, now }: Stand): void {
  if (limit !== 'pacing') return;
  expect(until, 'one slot').toBeLessThanOrEqual(Math.ceil(now + HOUR / (value ?? Infinity)));
  const window = governor.windows(now).find(w => w.id === id);
  if (!window) return;
  const behind = valueAt(window, 'maxMsgPerHour', 400, window.until);
  expect(until, 'beyond the window').toBeLessThanOrEqual(Math.max(window.until, Math.ceil(now + HOUR / behind)));
}

/** The governor of a stand, killed with nothing under way and started at once. */
function restarted(stand: Stand, under = stand.settings): Stand {
  const twin = new Stand(under, stand.now, undefined, g => g.restore(stand.governor.snapshot(), []));
  twin.governor.restoreLedger(stand.ledger, 'killed', stand.now);
  return twin;
}

/** 103 have left at 720/h when a window of 60/h opens for 50 minutes: all of them count until it ends, and nothing else does. */
function untilTheWindowEnds(): void {
  const slow = rule('slow', { window: 50 * MINUTE, recover: 0, maxMsgPerHour: 60 });
  const stand = new Stand({ providers: [provider('alpha', { maxMsgPerHour: 720 }, [slow])] });
  for (let i = 0; i < 102; i++, stand.now += 5_000) stand.send(HOT);
  stand.send(HOT, match({ rule: slow }));
  const until = stand.now + 50 * MINUTE;
  for (const { governor, now } of [stand, restarted(stand)]) {
    const { because, ...verdict } = governor.explain(HOT, {}, now).verdict;
    expect(verdict, `${because[0]?.limit} binds`).toMatchObject({ go: false, until });
    expect(because[0]).toMatchObject({ limit: 'max-msg-per-hour', value: 60, used: 103, until });
  }
}

/** The cap falls from 720/h to 120/h after 100 departures: the next keeps one slot's distance, and a restart changes nothing. */
function oneSlotAfterReload(): void {
  const of = (maxMsgPerHour: number): Stand['settings'] => settings({ defaults: { maxMsgPerHour } });
  const stand = new Stand(of(720));
  for (let i = 0; i < 100; i++, stand.now += 5_000) stand.send(HOT);
  stand.governor.configure(of(120), stand.now);
  for (const { governor, now } of [stand, restarted(stand, of(120))]) {
    const { until } = governor.explain(HOT, {}, now).verdict as { until: number };
    expect(until, 'more than a slot').toBeLessThanOrEqual(now + 30_000);
  }
}

describe('4b. a restart keeps pace', () => {
  it('holds when a window has slowed the lane', pacedAlike);
  it('holds when more has left than a new window lets through', untilTheWindowEnds);
  it('holds when a reload has slowed the lane', oneSlotAfterReload);

  it('counter-test: fails when windows bind what left before them', () => {
    windowsEver();
    fails(pacedAlike, /a restart makes it wait -?\d+ ms more/);
  });

  it('counter-test: fails when the grid runs ahead of the last departure', () => {
    gridUnbounded();
    fails(oneSlotAfterReload, /more than a slot/);
  });

  it('counter-test: fails when windows bind what left before them and the grid runs ahead', () => {
    windowsEver();
    gridUnbounded();
    fails(untilTheWindowEnds, /pacing binds/);
  });

  it('what left in bursts keeps no distance once the pace is even', () => {
    const stand = new Stand({ defaults: { maxMsgPerHour: 60, pacing: 'burst' } });
    stand.send(HOT, match(), 30);
    stand.governor.configure(settings({ defaults: { maxMsgPerHour: 60, pacing: 'even' } }), stand.now);
    expect(stand.ask(HOT)).toMatchObject({ go: false, until: stand.now + MINUTE });
  });
});

/** Accounts as if nothing kept their grid from running ahead. */
function gridUnbounded(): void {
  vi.spyOn(Account.prototype, 'reserve').mockImplementation(function (this: Account, slots, perHour, now) {
    this.inflight += slots;
    this.permits++;
    this.grid = take(this.grid, perHour, slots, now);
  });
}

/** Windows as if they had always been open. */
function windowsEver(): void {
  const compile = Compiler.prototype.lane;
  vi.spyOn(Compiler.prototype, 'lane').mockImplementation(function (this: Compiler, lane, now) {
    const made = compile.call(this, lane, now);
    const hour = made.plan.hour.map(cap =>
      cap.window ? { ...cap, window: { ...cap.window, state: { ...cap.window.state, opened: -Infinity, tightened: -Infinity } } } : cap,
    );
    return { ...made, plan: { ...made.plan, hour } };
  });
}
