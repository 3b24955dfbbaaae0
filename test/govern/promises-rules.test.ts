/**
 * What rules promise, as properties over random events, each with its counter-test: thresholds fire at their count, blocks
 * stay where they belong, recovery only rises, a moment's answers are one event.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Concurrency } from '../../src/govern/concurrency.js';
import { CoreGovernor } from '../../src/govern/governor.js';
import { Feedback } from '../../src/govern/feedback.js';
import { Floor } from '../../src/govern/floor.js';
import { Triggers } from '../../src/govern/trigger.js';
import * as windowing from '../../src/govern/window.js';
import { Windows } from '../../src/govern/windows.js';
import type { OutcomeClass, Rule } from '../../src/kernel/reply.js';
import type { LaneName, Permit } from '../../src/kernel/verdict.js';
import { HOT, HOUR, match, MINUTE, provider, rule, source, Stand, T0 } from './ground.js';
import { fails, RUNS } from './property.js';
import { LANES, RULES, shapes, settingsOf } from './story.js';

vi.mock(import('../../src/govern/window.js'), async original => {
  const actual = await original();
  return { ...actual, valueAt: vi.fn(actual.valueAt) };
});

afterEach(() => void vi.restoreAllMocks());

const sources = [source('hot', '192.0.2.1'), source('two', '192.0.2.2')];
const burst = { pacing: 'burst' as const };

/** Opens connections as adaptive concurrency lets it, until there are enough. */
function open(s: Stand, enough: number, lane: LaneName = HOT): void {
  for (let open = 0, rounds = 0; open < enough && rounds < 40; rounds++) {
    for (let v = s.governor.mayConnect(lane, s.now); v.go && open < enough; v = s.governor.mayConnect(lane, s.now)) {
      s.governor.connected(v.connection, s.now);
      open++;
    }
    for (let i = 0; i < open; i++) {
      const verdict = s.ask(lane);
      if (verdict.go && s.governor.present(verdict.permit, s.now)) s.answer(verdict.permit);
    }
    s.now += 500;
  }
}

describe('a threshold rule', () => {
  const COUNTED: readonly Rule[] = [
    rule('pair', { class: 'content', trigger: { count: 2, per: 10 * MINUTE }, window: 15 * MINUTE, recover: 0, maxMsgPerHour: 1e6 }),
    rule('trio', { class: 'content', trigger: { count: 3, per: HOUR }, window: 5 * MINUTE, recover: 5 * MINUTE, maxMsgPerHour: 1e6 }),
    rule('wide', {
      class: 'content',
      scope: 'source',
      trigger: { count: 4, per: 30 * MINUTE },
      window: MINUTE,
      recover: 0,
      maxMsgPerHour: 1e6,
    }),
    rule('ill', { class: 'content', scope: 'provider', trigger: { count: 5, per: 2 * HOUR }, window: HOUR, maxMsgPerHour: 1e6 }),
  ];
  const TO = [
    { source: 'hot', provider: 'alpha' },
    { source: 'hot', provider: 'beta' },
    { source: 'two', provider: 'alpha' },
  ] as const;
  const events = fc.array(
    fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 6 * MINUTE }), fc.integer({ min: 0, max: 50 * MINUTE })),
      lane: fc.nat(2),
      rule: fc.nat(3),
      besides: fc.constantFrom('nothing', 'nothing', 'nothing', 'expire', 'reload', 'lift', 'restart'),
    }),
    { maxLength: 60, size: 'max' },
  );

  /** What a trigger is, in the plainest words: matches of the last period, from the one after the last that fired. */
  class Oracle {
    readonly opened: string[] = [];
    readonly #kept = new Map<string, { times: number[]; recoverUntil: number; last: number }>();

    match(key: string, r: Rule, now: number): void {
      const { window, recover } = r.reaction!;
      const kept = this.#kept.get(key) ?? { times: [], recoverUntil: -1, last: -1 };
      this.#kept.set(key, kept);
      if (now <= kept.last) return;
      if (now >= kept.recoverUntil) {
        kept.times = [...kept.times.filter(t => t > now - r.trigger.per), now];
        if (kept.times.length < r.trigger.count) return;
        kept.times = [];
        this.opened.push(`${key} ${now}`);
        kept.recoverUntil = now + window + recover;
      } else kept.recoverUntil = Math.max(kept.recoverUntil, now + window + recover);
      kept.last = now;
    }

    lifted(key: string): void {
      const kept = this.#kept.get(key);
      if (kept) kept.recoverUntil = -1;
    }
  }

  function property(): void {
    fc.assert(
      fc.property(events, list => {
        let s = new Stand({ sources, defaults: burst });
        const opened: string[] = [];
        const oracle = new Oracle();
        const keyOf = (scope: string, address: string, at: string, name: string): string =>
          `${name} ${scope === 'provider' ? '' : address}/${scope === 'source' ? '' : at}`;
        const seen = (): void => {
          for (const record of s.journal) {
            if (record.type !== 'window-opened') continue;
            const [w] = Object.values(record.state ?? {}) as { scope: string; address?: string; provider?: string; rule: string }[];
            opened.push(`${keyOf(w?.scope ?? '', w?.address ?? '', w?.provider ?? '', w?.rule ?? '')} ${record.at}`);
          }
        };
        for (const event of list) {
          s.now += event.wait;
          if (event.besides === 'expire') s.governor.expire(s.now);
          if (event.besides === 'reload') s.governor.configure(s.settings, s.now);
          if (event.besides === 'lift') {
            const [w] = s.governor.windows(s.now);
            if (w) {
              s.governor.lift(w.id, 'operator:eve', undefined, s.now);
              oracle.lifted(keyOf(w.scope, w.address ?? '', w.provider ?? '', w.rule));
            }
          }
          if (event.besides === 'restart') {
            seen();
            const [before, at] = [JSON.parse(JSON.stringify(s.governor.snapshot())) as ReturnType<typeof s.governor.snapshot>, s.now + 1];
            s = new Stand(s.settings, at, undefined, g => g.restore(before, []));
          }
          const lane = TO[event.lane]!;
          const r = COUNTED[event.rule]!;
          s.send(lane, match({ class: 'content', rule: r }));
          const address = lane.source === 'hot' ? '192.0.2.1' : '192.0.2.2';
          oracle.match(keyOf(r.scope, address, lane.provider, `alpha/${r.id}`), r, s.now);
        }
        seen();
        if (JSON.stringify(opened) !== JSON.stringify(oracle.opened)) throw new Error(`fired ${opened}, should have ${oracle.opened}`);
      }),
      { ...RUNS, numRuns: 250 },
    );
  }

  it('fires at its count within its period, neither before nor later, through reloads, lifts and restarts in order', property);

  it.each([
    ['counts longer than its period', { count: 0, per: HOUR }],
    ['fires a match late', { count: 1, per: 0 }],
    ['fires a match early', { count: -1, per: 0 }],
  ])('counter-test: is seen when it %s', (_, { count, per }) => {
    const reached = Triggers.prototype.reached;
    vi.spyOn(Triggers.prototype, 'reached').mockImplementation(function (this: Triggers, key, trigger, ...rest) {
      return reached.call(this, key, { count: trigger.count + count, per: trigger.per + per }, ...rest);
    });
    fails(property, /should have/);
  });

  it('counter-test: is seen when it counts over its window', () => {
    const reached = Triggers.prototype.reached;
    vi.spyOn(Triggers.prototype, 'reached').mockImplementation(function (this: Triggers, key, trigger, ...rest) {
      const window = COUNTED.find(r => key.includes(`/${r.id} `))?.reaction?.window ?? 0;
      return reached.call(this, key, { ...trigger, per: window }, ...rest);
    });
    fails(property, /should have/);
  });
});

/** Verdicts on lanes that nothing was said about, in a life with these replies and in one where all was delivered. */
function untouched(which: readonly Rule[], spoken: readonly number[], watched: readonly number[]): void {
  // Which idle lane is forgotten first, and what was learnt with it, is nobody's promise.
  vi.spyOn(Floor.prototype, 'sweep').mockReturnValue();
  const events = fc.array(
    fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 20 * MINUTE })),
      lane: fc.constantFrom(...spoken, ...watched),
      wanted: fc.integer({ min: 1, max: 9 }),
      rule: fc.nat(which.length - 1),
      besides: fc.constantFrom('nothing', 'nothing', 'expire', 'reload', 'connect', 'refused', 'idle'),
    }),
    { minLength: 3, maxLength: 50, size: 'max' },
  );
  fc.assert(
    fc.property(shapes, events, (shape, list) => {
      const shapeOf = { ...shape, hotCap: Infinity };
      const [told, spared] = [new Stand(settingsOf(shapeOf)), new Stand(settingsOf(shapeOf))];
      for (const event of list) {
        const lane = LANES[event.lane]!;
        const mine = watched.includes(event.lane);
        const answers = [told, spared].map((s, i) => {
          s.now += event.wait;
          const hears = i === 0 && !mine;
          const reply = match(hears ? { rule: which[event.rule]! } : {});
          if (event.besides === 'expire') s.governor.expire(s.now);
          if (event.besides === 'reload') s.governor.configure(s.settings, s.now);
          if (event.besides === 'idle' && hears) s.governor.absorbReply(lane, { ...reply, phase: 'idle' }, s.now);
          if (event.besides === 'refused' && hears) {
            const v = s.governor.mayConnect(lane, s.now);
            if (v.go) s.governor.connectFailed(v.connection, { ...reply, phase: 'greeting' }, 1, s.now);
          }
          const connect = event.besides === 'connect' ? s.governor.mayConnect(lane, s.now) : undefined;
          if (connect?.go) s.governor.connected(connect.connection, s.now);
          const verdict = s.ask(lane, event.wanted, { senderDomain: mine ? 'other.test' : 'sender.test' });
          if (verdict.go) {
            s.governor.present(verdict.permit, s.now);
            s.answer(verdict.permit, reply);
          }
          if (connect?.go) s.governor.disconnected(connect.connection, s.now);
          return [verdict.go ? verdict.permit.slots : [verdict.until, verdict.because()], connect?.go, s.governor.laneStatus(lane, s.now)];
        });
        if (mine && JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) {
          throw new Error(`${lane.source}/${lane.provider} was touched: ${JSON.stringify(answers)}`);
        }
      }
    }),
    RUNS,
  );
}

describe('a block of one provider', () => {
  /** `cold` shares its stage over providers: what steps the stage back is meant to reach all of them. */
  const blocks = RULES.filter(r => r.scope !== 'source');
  const property = (): void => untouched(blocks, [0], [1]);

  it('never touches another provider', property);

  it('counter-test: does when windows stand by source alone', () => {
    const at = Windows.prototype.at;
    vi.spyOn(Windows.prototype, 'at').mockImplementation(function (this: Windows, place) {
      return [...at.call(this, place), ...(place.scope === 'lane' ? at.call(this, { ...place, provider: 'alpha' }) : [])];
    });
    fails(property, /was touched/);
  });

  it('counter-test: a rule of scope source does touch it', () => {
    fails(() => untouched(RULES, [0], [1]), /was touched/);
  });
});

describe('a reply about one recipient', () => {
  const about: readonly OutcomeClass[] = [
    'throttle.recipient',
    'mailbox.unknown',
    'mailbox.full',
    'mailbox.inactive',
    'policy.recipient',
    'greylist',
    'block.ip',
    'throttle.rate',
    'reputation.defer',
  ];
  const rules = about.map((of, i) =>
    rule(`about-${i}`, { class: of, scope: 'recipient', suspend: true, warmUp: 'step-back', window: HOUR }),
  );
  const roomy = shapes.map(shape => ({ ...shape, lane: 20_000, hotCap: Infinity, laneCap: 20_000, stages: [20_000, 30_000, 45_000] }));
  const events = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 10 * MINUTE }),
      lane: fc.nat(2),
      rule: fc.nat(rules.length - 1),
      ruled: fc.boolean(),
      how: fc.constantFrom('settle', 'settle', 'idle'),
    }),
    { minLength: 1, maxLength: 60, size: 'max' },
  );

  function property(then?: () => void): void {
    fc.assert(
      fc.property(roomy, events, (shape, list) => {
        const s = new Stand(settingsOf(shape));
        for (const lane of LANES) open(s, 8, lane);
        const records = s.journal.length;
        then?.();
        for (const event of list) {
          s.now += event.wait;
          const lane = LANES[event.lane]!;
          const r = rules[event.rule]!;
          const m = match(event.ruled ? { rule: r } : { class: r.class, scope: 'recipient' });
          const before = s.governor.laneStatus(lane, s.now);
          const verdict = s.ask(lane);
          if (verdict.go && !s.governor.present(verdict.permit, s.now)) throw new Error('the lane was touched: a permit is void');
          if (verdict.go) s.answer(verdict.permit, m);
          if (event.how === 'idle') s.governor.absorbReply(lane, m, s.now);
          const after = s.governor.laneStatus(lane, s.now);
          if (after.maxSmtpOut < before.maxSmtpOut || after.maxMsgPerHour < before.maxMsgPerHour || after.windows.length > 0) {
            throw new Error(`the lane was touched: ${JSON.stringify(after)}`);
          }
        }
        if (s.journal.length > records) throw new Error(`the lane was touched: ${JSON.stringify(s.journal.at(-1))}`);
      }),
      RUNS,
    );
  }

  it('never touches the lane: no window, no stage, no connection fewer', () => property());

  it('counter-test: is seen when scopes are not looked at', () => {
    const heard = Feedback.prototype.hit;
    vi.spyOn(Feedback.prototype, 'hit').mockImplementation(function (this: Feedback, lane, hit, who) {
      heard.call(this, lane, { ...hit, rule: { ...hit.rule, scope: 'lane' } }, who);
    });
    fails(property, /was touched/);
  });

  it('counter-test: is seen when every class is trouble of the lane', () => {
    const attempt = Feedback.prototype.attempt;
    const lie = (): void => {
      vi.spyOn(Feedback.prototype, 'attempt').mockImplementation(function (this: Feedback, lane, matches, ...rest) {
        const lies = matches.map(m => ({ ...m, scope: 'lane' as const, class: 'throttle.rate' as const }));
        attempt.call(this, lane, lies, ...rest);
      });
    };
    fails(() => property(lie), /was touched/);
  });
});

describe('recovery', () => {
  const cap = fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined });
  const anyRule = fc
    .record({
      window: fc.integer({ min: 1, max: 90 * MINUTE }),
      recover: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * HOUR })),
      scope: fc.constantFrom('lane' as const, 'source' as const, 'provider' as const),
      suspend: fc.boolean(),
      maxMsgPerHour: cap,
      maxSmtpOut: cap,
      maxMsgPerConnection: cap,
      maxConnectRate: cap,
    })
    .map(({ maxMsgPerHour, maxSmtpOut, maxMsgPerConnection, maxConnectRate, ...words }) => ({
      ...words,
      ...(maxMsgPerHour === undefined ? {} : { maxMsgPerHour }),
      ...(maxSmtpOut === undefined ? {} : { maxSmtpOut }),
      ...(maxMsgPerConnection === undefined ? {} : { maxMsgPerConnection }),
      ...(maxConnectRate === undefined ? {} : { maxConnectRate }),
    }));
  const told = fc.array(
    fc.record({ words: anyRule, times: fc.integer({ min: 1, max: 4 }), wait: fc.integer({ min: 1, max: 20 * MINUTE }) }),
    {
      minLength: 1,
      maxLength: 5,
      size: 'max',
    },
  );
  const later = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 40 * MINUTE }),
      do: fc.constantFrom('nothing', 'nothing', 'expire', 'reload', 'restart', 'replay'),
    }),
    { minLength: 5, maxLength: 40, size: 'max' },
  );
  const normal = fc.constantFrom(Infinity, 50, 400, 20_000);

  function property(): void {
    fc.assert(
      fc.property(told, later, normal, (list, rest, hour) => {
        let s = new Stand({ sources, defaults: { ...burst, maxMsgPerHour: hour, maxMsgPerConnection: 60 } });
        for (const [i, { words, times, wait }] of list.entries()) {
          // A class that says nothing to adaptive concurrency, which moves by its own laws.
          const r = rule(`r${i}`, { class: 'greylist', ...words });
          for (let n = 0; n < times; n++, s.now += wait) {
            const verdict = s.ask(HOT);
            if (verdict.go && s.governor.present(verdict.permit, s.now)) s.answer(verdict.permit, match({ rule: r }));
            else s.governor.absorbReply(HOT, match({ rule: r }), s.now);
          }
        }
        const limits = (): number[] =>
          [HOT, { source: 'hot', provider: 'beta' }, { source: 'two', provider: 'alpha' }].flatMap(lane => {
            const { maxMsgPerHour, maxSmtpOut } = s.governor.laneStatus(lane, s.now);
            const verdict = s.ask(lane);
            if (verdict.go) s.governor.refund(verdict.permit, 1, s.now);
            return [maxMsgPerHour, maxSmtpOut, s.governor.laneLimits(lane).maxMsgPerConnection];
          });
        let before = limits();
        const journal = [...s.journal];
        for (const step of [...rest, { do: 'nothing' as const, wait: 12 * HOUR }]) {
          s.now += step.wait;
          if (step.do === 'expire') s.governor.expire(s.now);
          if (step.do === 'reload') s.governor.configure(s.settings, s.now);
          if (step.do === 'restart') {
            const state = s.governor.snapshot();
            journal.push(...s.journal.slice(journal.length));
            s = new Stand(s.settings, s.now, undefined, g => g.restore(state, []));
          }
          if (step.do === 'replay') s = new Stand(s.settings, s.now, undefined, g => g.restore(undefined, journal));
          const after = limits();
          after.forEach((value, i) => {
            if (value < (before[i] ?? Infinity)) throw new Error(`fell from ${before} to ${after}`);
          });
          before = after;
        }
        if (JSON.stringify(before) !== JSON.stringify([hour, 20, 60, hour, 20, 60, hour, 20, 60])) throw new Error(`ended at ${before}`);
      }),
      { ...RUNS, numRuns: 200 },
    );
  }

  beforeEach(() => void vi.mocked(windowing.valueAt).mockClear());

  it('only rises without new matches, through expiry, reloads and restarts, and ends at the normal limit', property);

  it('counter-test: is seen when a value moves by anything but time', async () => {
    const { valueAt } = await vi.importActual<typeof windowing>('../../src/govern/window.js');
    let turn = 0;
    vi.mocked(windowing.valueAt).mockImplementation((w, ...rest) => valueAt(w, ...rest) / (1 + (turn++ % 3)));
    fails(property, /fell/);
    vi.mocked(windowing.valueAt).mockImplementation(valueAt);
  });

  it('counter-test: is seen when windows open again by themselves', () => {
    const expire = Windows.prototype.expire;
    vi.spyOn(Windows.prototype, 'expire').mockImplementation(function (this: Windows, now) {
      for (const w of [...this.all()]) this.restore(`window:${w.id}`, { ...w, until: w.until + HOUR, recoverUntil: w.recoverUntil + HOUR });
      expire.call(this, now);
    });
    fails(property, /fell|ended/);
  });
});

describe('busy connections answered together', () => {
  const SLOW: readonly Rule[] = [
    rule('now', { window: 10 * MINUTE, recover: 5 * MINUTE, maxMsgPerHour: 4000 }),
    rule('fifth', { window: 5 * MINUTE, recover: 0, trigger: { count: 5, per: HOUR }, maxMsgPerHour: 4000 }),
    rule('wide', { scope: 'source', window: MINUTE, recover: 0, maxMsgPerHour: 9000 }),
    rule('ill', { scope: 'provider', window: 30 * MINUTE, maxMsgPerHour: 9000, suspend: true }),
    rule('sender', { scope: 'sender-domain', window: 2 * MINUTE, recover: 0, maxMsgPerHour: 900 }),
  ];
  const answers = fc.array(
    fc.record({ wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30_000 })), rule: fc.nat(SLOW.length - 1) }),
    {
      minLength: 2,
      maxLength: 200,
      size: 'max',
    },
  );
  const besides = fc.constantFrom('nothing', 'expire', 'reload', 'lift');

  function property(): void {
    fc.assert(
      fc.property(answers, besides, (list, act) => {
        const s = new Stand({ sources, defaults: { ...burst, maxSmtpOut: 400 } });
        open(s, list.length);
        const permits: Permit[] = list.map(() => s.go(HOT));
        for (const permit of permits) s.governor.present(permit, s.now);
        s.now += 1;
        permits.forEach((permit, i) => {
          s.now += list[i]!.wait;
          s.answer(permit, match({ rule: SLOW[list[i]!.rule]! }));
          if (act === 'expire') s.governor.expire(s.now);
          if (act === 'reload' && i % 7 === 0) s.governor.configure(s.settings, s.now);
          const [w] = s.governor.windows(s.now);
          if (act === 'lift' && i % 5 === 0 && w) s.governor.lift(w.id, 'operator:eve', undefined, s.now);
        });
        const opened = s.journal.filter(r => r.type === 'window-opened' || r.type === 'window-extended').map(r => r.author);
        if (new Set(opened).size < opened.length) throw new Error(`tightened more than once: ${opened}`);
        const halved = Math.max(1, Math.floor(list.length / 2));
        // Ask when nothing of the windows is left: what remains is what adaptive concurrency learnt.
        const { maxSmtpOut } = s.governor.laneStatus(HOT, s.now + 6 * HOUR);
        if (maxSmtpOut < halved) throw new Error(`tightened more than once: ${maxSmtpOut} connections of ${list.length}`);
      }),
      { ...RUNS, numRuns: 60 },
    );
  }

  it('tighten once, however many there are and however long their answers take', property);

  it('counter-test: tighten again when departures are not looked at', () => {
    const react = Windows.prototype.react;
    vi.spyOn(Windows.prototype, 'react').mockImplementation(function (this: Windows, place, hit) {
      return react.call(this, place, { ...hit, departed: hit.now });
    });
    fails(property, /more than once/);
  });

  it('counter-test: shrink again when departures are not looked at', () => {
    const bad = Concurrency.prototype.bad;
    vi.spyOn(Concurrency.prototype, 'bad').mockImplementation(function (this: Concurrency, _began, ...rest) {
      bad.call(this, Infinity, ...rest);
    });
    fails(property, /more than once: \d+ connections/);
  });

  const stormed = (): number => {
    const rp = rule('rp-001', { maxSmtpOut: 5, maxMsgPerHour: 1000, window: HOUR });
    const s = new Stand({ sources, defaults: { ...burst, maxSmtpOut: 200 } });
    open(s, 200);
    // Each connection carries one transaction after the other; 150 are under way, 50 have a permit and no MAIL FROM yet.
    const flights = Array.from({ length: 200 }, () => s.go(HOT));
    const under = flights.filter((permit, i) => i < 150 && s.governor.present(permit, s.now));
    s.now += 1000;
    s.answer(under.shift()!, match({ rule: rp }));
    // In the same tick: what holds a permit presents it, every connection that becomes free asks for the next.
    let most = under.length;
    const leave = (permit: Permit): void => {
      if (s.governor.present(permit, s.now)) most = Math.max(most, under.push(permit));
    };
    flights.slice(150).forEach(leave);
    const beyond: number[] = [];
    while (under.length > 0) {
      for (let i = 0; i < 3; i++) {
        const verdict = s.ask(HOT);
        const before = under.length;
        if (verdict.go) leave(verdict.permit);
        if (under.length > before) beyond.push(under.length);
      }
      s.answer(under.shift()!);
      if (beyond.length > 40) break;
    }
    return Math.max(0, ...beyond, most > 149 ? most : 0);
  };

  it('let no further MAIL FROM go beyond the new limit, from the same instant on', () => {
    expect(stormed()).toBe(5);
  });

  it('counter-test: would, were permits not made void', () => {
    vi.spyOn(CoreGovernor.prototype, 'present').mockReturnValue(true);
    expect(stormed()).toBeGreaterThan(149);
  });
});

describe('a provider’s ill window', () => {
  it('opened by a connection of an older moment is not opened again by its farewell', () => {
    const s = new Stand({ sources, defaults: burst, providers: [provider('alpha')] });
    const slow = rule('slow', { window: MINUTE, recover: 0, maxMsgPerHour: 60 });
    s.connect(HOT);
    s.now += 1;
    s.governor.absorbReply(HOT, match({ rule: slow, phase: 'idle' }), s.now);
    s.now += 2 * MINUTE;
    s.governor.expire(s.now);
    s.governor.absorbReply(HOT, match({ rule: slow, phase: 'idle' }), s.now);
    expect(s.journal.map(r => [r.type, r.at])).toEqual([
      ['window-opened', T0 + 1],
      ['window-closed', T0 + 1 + 2 * MINUTE],
    ]);
  });
});
