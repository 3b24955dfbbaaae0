/**
 * What the governor promises, as properties over random stories, each with its counter-test: with the mechanism taken away
 * the property fails.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../../src/govern/account.js';
import { Compiler } from '../../src/govern/compile.js';
import { CoreGovernor } from '../../src/govern/governor.js';
import { History } from '../../src/govern/history.js';
import { Pauses } from '../../src/govern/pause.js';
import { Permits } from '../../src/govern/permits.js';
import { refresh } from '../../src/govern/plan.js';
import { Windows } from '../../src/govern/windows.js';
import type { Rule } from '../../src/kernel/reply.js';
import type { LaneName } from '../../src/kernel/verdict.js';
import { HOT, match, source, Stand, T0 } from './ground.js';
import { fails, RUNS } from './property.js';
import { HOUR, LANES, MINUTE, PAUSES, RULES, type Seen, send, shapes, slowSteps, steps, Story, wait } from './story.js';

afterEach(() => void vi.restoreAllMocks());

/** Attempts in any 3,600 s at the receiver, of one lane or source, against the cap at the latest departure among them. */
function noHourAbove(seen: readonly Seen[], key: (s: Seen) => string, cap: (s: Seen) => number): void {
  const groups = new Map<string, Seen[]>();
  for (const one of seen) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  for (const group of groups.values()) {
    // In order of departure; of one transaction's recipients only the last needs looking at.
    group.forEach((last, i) => {
      if (group[i + 1] === last) return;
      const before = group.slice(0, i + 1);
      for (const end of new Set(before.map(s => s.noticed).filter(t => t >= last.noticed && t < last.noticed + HOUR))) {
        const within = before.filter(s => s.noticed > end - HOUR && s.noticed <= end).length;
        if (within > cap(last)) throw new Error(`${within} within an hour under ${cap(last)}/h at ${key(last)}`);
      }
    });
  }
}

function promise1(stories = steps): void {
  fc.assert(
    fc.property(shapes, stories, (shape, story) => {
      const s = new Story(shape);
      s.run(story);
      noHourAbove(
        s.seen,
        o => `${o.lane.source}/${o.lane.provider}`,
        o => o.laneCap,
      );
      noHourAbove(
        s.seen,
        o => o.lane.source,
        o => o.sourceCap,
      );
    }),
    RUNS,
  );
}

describe('1. no sliding hour exceeds its cap, as the receiver sees it', () => {
  it('holds across rules, reloads, restarts, kills, power cuts and clocks set back', () => promise1());

  it('holds when receivers take their time', () => promise1(slowSteps));

  it('counter-test: fails when answers are forgotten', () => {
    vi.spyOn(History.prototype, 'used').mockReturnValue(0);
    fails(promise1, /within an hour/);
  });

  it('counter-test: fails when slots count from the reservation instead of the answer', () => {
    const answer = Permits.prototype.answer;
    vi.spyOn(Permits.prototype, 'answer').mockImplementation(function (this: Permits, permit, _answered, now) {
      return answer.call(this, permit, permit.expires - 5 * MINUTE, now);
    });
    fails(() => promise1(slowSteps), /within an hour/);
  });

  it('counter-test: fails when a restart forgets the ledger', () => {
    vi.spyOn(CoreGovernor.prototype, 'restoreLedger').mockReturnValue();
    fails(promise1, /within an hour/);
  });

  it('counter-test: fails when the sum of a source is not watched', () => {
    const plan = Compiler.prototype.source;
    vi.spyOn(Compiler.prototype, 'source').mockImplementation(function (this: Compiler, state, now) {
      return Object.assign(plan.call(this, state, now), { hourNow: Infinity });
    });
    fails(promise1, /within an hour/);
  });
});

/** Departures of two governors asked the same at the same instants: one hears rules, the other only good news. */
function promise2(): void {
  const asks = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 8 * MINUTE }),
      wanted: fc.integer({ min: 1, max: 9 }),
      lane: fc.constantFrom(0, 2),
      rule: fc.integer({ min: -12, max: RULES.length - 1 }),
    }),
    { minLength: 10, maxLength: 120 },
  );
  fc.assert(
    fc.property(shapes, asks, (shape, list) => {
      const [ruled, free] = [new Story({ ...shape, hotCap: Infinity }), new Story({ ...shape, hotCap: Infinity })];
      const counts = [
        [0, 0, 0],
        [0, 0, 0],
      ];
      for (const ask of list) {
        const to = LANES[ask.lane] as LaneName;
        [ruled, free].forEach((story, i) => {
          const s = story.stand;
          s.now += ask.wait;
          const verdict = s.ask(to, ask.wanted);
          if (!verdict.go) return;
          const row = counts[i] as number[];
          row[ask.lane] = (row[ask.lane] ?? 0) + verdict.permit.slots;
          s.governor.present(verdict.permit, s.now);
          const which: Rule | undefined = i === 0 ? RULES[ask.rule] : undefined;
          s.answer(verdict.permit, match(which ? { rule: which } : {}));
        });
        const [a, b] = [counts[0]?.[ask.lane] ?? 0, counts[1]?.[ask.lane] ?? 0];
        if (a > b) throw new Error(`rules let ${a} through where ${b} left without`);
      }
    }),
    RUNS,
  );
}

describe('2. no rule ever lets more through on a lane', () => {
  it('holds for any rules at any time', promise2);

  it('counter-test: fails when a window replaces the other limits instead of joining them', () => {
    const compile = Compiler.prototype.lane;
    vi.spyOn(Compiler.prototype, 'lane').mockImplementation(function (this: Compiler, lane, now) {
      const made = compile.call(this, lane, now);
      const windowed = made.plan.hour.filter(c => c.window && now < c.window.state.until);
      if (windowed.length === 0) return made;
      const plan = { ...made.plan, hour: windowed };
      refresh(plan, now);
      return { ...made, plan };
    });
    fails(promise2, /rules let/);
  });

  it('counter-test: fails when a new match begins the window anew', () => {
    const react = Windows.prototype.react;
    vi.spyOn(Windows.prototype, 'react').mockImplementation(function (this: Windows, place, hit) {
      for (const w of this.at(place)) this.restore(`window:${w.id}`, null);
      return react.call(this, place, hit);
    });
    fails(promise2b, /loosened/);
  });
});

/** A match never raises a limit in force. */
function promise2b(): void {
  fc.assert(
    fc.property(shapes, steps, (shape, story) => {
      const s = new Story(shape);
      for (const step of story) {
        s.step(step);
        if (step.do !== 'send') continue;
        for (const lane of LANES) {
          const before = s.stand.governor.laneStatus(lane, s.stand.now);
          const verdict = s.stand.ask(lane);
          if (!verdict.go) continue;
          s.stand.answer(verdict.permit, match({ rule: RULES[step.wanted % RULES.length] as Rule }));
          const after = s.stand.governor.laneStatus(lane, s.stand.now);
          if (after.maxMsgPerHour > before.maxMsgPerHour || after.maxSmtpOut > before.maxSmtpOut)
            throw new Error('a match loosened a limit');
        }
      }
    }),
    RUNS,
  );
}

describe('2b. a match never raises a limit in force', () => {
  it('holds', promise2b);
});

function promise3(): void {
  fc.assert(
    fc.property(shapes, steps, (shape, story) => {
      const s = new Story(shape);
      s.run(story);
      for (const lane of LANES) {
        const start = s.stand.now;
        const verdict = s.stand.ask(lane, 5, { senderDomain: 'sender.test' });
        if (verdict.go) continue;
        if (verdict.until === null) {
          s.stand.now = start + 5 * HOUR;
          expect(s.stand.governor.explain(lane, { senderDomain: 'sender.test' }, s.stand.now).verdict.go, 'until was null').toBe(false);
          return;
        }
        expect(verdict.until).toBeGreaterThan(start);
        expect(verdict.because()[0]?.until ?? null).toBe(verdict.until);
        s.stand.now = verdict.until - 1;
        if (s.stand.now > start) expect(s.stand.ask(lane).go, 'it went earlier').toBe(false);
        s.stand.now = verdict.until;
        const then = s.stand.ask(lane);
        expect(then.go || then.because(), 'it did not go').toBe(true);
        s.stand.now = start;
        return;
      }
    }),
    { ...RUNS, numRuns: 400 },
  );
}

describe('3. until is honest', () => {
  it('at that instant the lane goes, and not before', promise3);

  it('counter-test: fails when freed slots are promised too early', () => {
    const freeAt = History.prototype.freeAt;
    vi.spyOn(History.prototype, 'freeAt').mockImplementation(function (this: History, room, now) {
      return Math.max(now, freeAt.call(this, room, now) - 1000);
    });
    fails(promise3, /./);
  });

  it('holds for connections', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (waits, count) => {
        const s = new Stand({ defaults: { maxConnectRate: { count, per: MINUTE }, maxMsgPerHour: 3600 } });
        for (const ms of waits) {
          s.now += ms;
          const verdict = s.governor.mayConnect(HOT, s.now);
          if (verdict.go) s.governor.disconnected(verdict.connection, s.now);
          else if (verdict.until !== null) {
            s.now = verdict.until - 1;
            expect(s.governor.mayConnect(HOT, s.now).go).toBe(false);
            s.now = verdict.until;
            const then = s.governor.mayConnect(HOT, s.now);
            expect(then.go).toBe(true);
            if (then.go) s.governor.disconnected(then.connection, s.now);
          }
        }
      }),
    );
  });
});

/** The snapshot but for when an address last sent, which day rows tell, and matches counted since, which no record does. */
function lasting({ governor }: Stand): unknown {
  const { state, ...rest } = governor.snapshot();
  const kept = Object.entries(state).filter(([key]) => !key.startsWith('trigger:'));
  const keys = kept.map(([key, value]) => [key, { ...(value as object), lastSent: undefined }]);
  return { ...rest, state: Object.fromEntries(keys) };
}

function promise4(): void {
  const exact = shapes.map(shape => ({ ...shape, lane: 60, hotCap: 90, laneCap: 40, stages: [20, 30, 45], pacing: 'burst' as const }));
  const quiet = steps.map(list => list.filter(step => step.do !== 'restart' && step.do !== 'reload'));
  fc.assert(
    fc.property(exact, quiet, quiet, (shape, first, second) => {
      const s = new Story(shape);
      s.run(first);
      const snapshot = JSON.parse(JSON.stringify(s.stand.governor.snapshot())) as ReturnType<typeof s.stand.governor.snapshot>;
      s.run(second);
      s.land();
      const { stand } = s;
      const after = stand.journal.filter(r => r.id > snapshot.lastRecord);
      const twin = new Stand(stand.settings, stand.now, undefined, g => g.restore(snapshot, after));
      twin.governor.restoreLedger(stand.ledger, 'clean', stand.now);
      expect(lasting(twin)).toEqual(lasting(stand));
      for (const ms of [0, 7 * MINUTE, 30 * MINUTE]) {
        stand.now = twin.now += ms;
        for (const lane of LANES) {
          // The mail of a domain under a window is counted from the window's opening, in memory only.
          const [a, b] = [stand, twin].map(x => x.ask(lane, 3, { senderDomain: 'other.test' }));
          if (!a || !b) throw new Error('no verdict');
          expect(b.go ? b.permit.slots : [b.until, b.because()]).toEqual(a.go ? a.permit.slots : [a.until, a.because()]);
        }
      }
    }),
    RUNS,
  );
}

describe('4. snapshot and journal give the same verdicts', () => {
  it('holds at any moment', promise4);

  it('counter-test: fails when the journal after the snapshot is not replayed', () => {
    const restore = CoreGovernor.prototype.restore;
    vi.spyOn(CoreGovernor.prototype, 'restore').mockImplementation(function (this: CoreGovernor, snapshot) {
      restore.call(this, snapshot, []);
    });
    fails(promise4, /./);
  });

  it('counter-test: fails when windows stay out of the snapshot', () => {
    const restore = Windows.prototype.restore;
    vi.spyOn(Windows.prototype, 'restore').mockImplementation(function (this: Windows, key, value) {
      if (value === null) restore.call(this, key, value);
    });
    fails(promise4, /./);
  });

  it('keeps the even grid', () => {
    const even = fc.array(fc.oneof(send, wait), { maxLength: 40 });
    fc.assert(
      fc.property(even, list => {
        const s = new Story({ lane: 60, hotCap: 90, laneCap: 40, stages: [20, 30, 45], pacing: 'even' });
        s.run(list.map(step => (step.do === 'send' ? { ...step, rule: -1 } : step)));
        s.land();
        const twin = new Stand(s.stand.settings, s.stand.now, undefined, g => g.restore(s.stand.governor.snapshot(), []));
        twin.governor.restoreLedger(s.stand.ledger, 'killed', twin.now);
        for (const lane of LANES) {
          const [a, b] = [s.stand, twin].map(x => x.governor.explain(lane, {}, x.now).verdict.because.filter(r => r.limit === 'pacing'));
          expect(b).toEqual(a);
        }
      }),
      RUNS,
    );
  });
});

function promise6(): void {
  const concerned = (target: number, lane: LaneName): boolean => {
    const { kind, name } = PAUSES[target] ?? PAUSES[0];
    return kind === 'lane' ? `${lane.source}/${lane.provider}` === name : lane[kind] === name;
  };
  fc.assert(
    fc.property(shapes, steps, (shape, story) => {
      const s = new Story(shape);
      for (const step of story) {
        s.step(step);
        for (const target of s.paused) {
          for (const lane of LANES.filter(l => concerned(target, l))) {
            const verdict = s.stand.ask(lane);
            const connect = s.stand.governor.mayConnect(lane, s.stand.now);
            if (verdict.go || connect.go) throw new Error('it left while paused');
            expect(verdict.until).toBeNull();
            expect(verdict.because()[0]).toMatchObject({ limit: 'paused', from: 'operator:eve' });
          }
        }
      }
    }),
    RUNS,
  );
}

describe('6. paused by a person stays paused until a person resumes it', () => {
  it('holds whatever else happens', promise6);

  it('counter-test: fails when pauses do not bind', () => {
    vi.spyOn(Pauses.prototype, 'stop').mockReturnValue(undefined);
    fails(promise6, /while paused/);
  });

  it('counter-test: fails when a restart forgets pauses', () => {
    vi.spyOn(Pauses.prototype, 'restore').mockReturnValue();
    fails(promise6, /while paused/);
  });
});

describe('7. time is an argument', () => {
  it('the same story gives the same journal and the same ledger', () => {
    fc.assert(
      fc.property(shapes, steps, (shape, story) => {
        const [a, b] = [new Story(shape), new Story(shape)];
        a.run(story);
        b.run(story);
        expect(b.stand.journal).toEqual(a.stand.journal);
        expect(b.stand.ledger).toEqual(a.stand.ledger);
      }),
      { ...RUNS, numRuns: 40 },
    );
  });
});

/** Departures of the second hour when mail always waits and the dispatcher wakes up a little late. */
function secondHour(cap: number, latency: number, late: number): number {
  const s = new Stand({ sources: [source('hot', '192.0.2.1')], defaults: { maxMsgPerHour: cap } });
  const flights: { at: number; permit: Parameters<Stand['answer']>[0] }[] = [];
  let count = 0;
  while (s.now < T0 + 2 * HOUR) {
    const verdict = s.ask(HOT, 5);
    if (verdict.go) {
      if (s.now >= T0 + HOUR) count += verdict.permit.slots;
      s.governor.present(verdict.permit, s.now);
      flights.push({ at: s.now + latency, permit: verdict.permit });
      continue;
    }
    const until = (verdict.until ?? Infinity) + late;
    const [next] = flights;
    if (next && next.at <= until) {
      flights.shift();
      s.now = Math.max(s.now, next.at);
      s.answer(next.permit);
    } else s.now = until;
  }
  return count;
}

function promiseOfUse(): void {
  for (const [cap, latency, late] of [
    [20, 900, 400],
    [100, 3000, 90],
    [101, 500, 50],
    [250, 2000, 200],
    [1000, 1500, 100],
    [12_000, 300, 20],
    [60_000, 200, 10],
  ] as const) {
    const used = secondHour(cap, latency, late);
    expect(used, `${cap}/h`).toBeGreaterThanOrEqual(Math.floor(cap * 0.98));
    expect(used, `${cap}/h`).toBeLessThanOrEqual(cap);
  }
}

describe('with mail waiting, from the second hour on', () => {
  it('at least 98 % of a cap is used', promiseOfUse);

  it('counter-test: not when a late departure moves the grid', () => {
    const reserve = Account.prototype.reserve;
    vi.spyOn(Account.prototype, 'reserve').mockImplementation(function (this: Account, slots, perHour, now) {
      reserve.call(this, slots, perHour, now);
      this.grid = now;
    });
    expect(promiseOfUse).toThrow();
  });

  it('an even pace never bunches: in 10 minutes at most their share and what may be caught up on', () => {
    const bunch = (pacing: 'even' | 'burst'): number => {
      const s = new Stand({ defaults: { maxMsgPerHour: 600, pacing } });
      const times: number[] = [];
      while (s.now < T0 + 3 * HOUR) {
        const verdict = s.ask(HOT, 9);
        if (!verdict.go) {
          s.now = verdict.until ?? Infinity;
          continue;
        }
        for (let i = 0; i < verdict.permit.slots; i++) times.push(s.now);
        s.governor.present(verdict.permit, s.now);
        s.answer(verdict.permit);
      }
      return Math.max(...times.map((t, i) => times.slice(i).filter(u => u < t + 10 * MINUTE).length));
    };
    expect(bunch('even')).toBeLessThanOrEqual(102);
    expect(bunch('burst')).toBe(600);
  });
});
