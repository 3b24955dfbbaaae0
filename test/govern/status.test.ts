/**
 * What the governor shows and remembers: states of a source in their order, explanations, cold slots, warm-up's ports,
 * lanes that come and go, the ledger after a restart.
 */
import { describe, expect, it } from 'vitest';
import { createRamp as real } from '../../src/govern/warm-up.js';
import type { LedgerRecord } from '../../src/kernel/ledger.js';
import { DAY, HOT, HOUR, limits, match, MINUTE, provider, rule, schedule, settings, source, Stand, T0 } from './ground.js';

const COLD = { source: 'cold', provider: 'alpha' };
const warmUp = { schedule: 'ramp', stage: 2, from: { file: 'rampd.yaml', line: 3, col: 1 } };
const burst = { pacing: 'burst' as const };
const cold = (perHour: readonly number[] = [10, 20, 40], more = {}): Stand =>
  new Stand({ sources: [source('cold', '192.0.2.9', {}, warmUp)], schedules: [schedule('ramp', perHour, more)], defaults: burst });

describe('the state of a source', () => {
  const state = (s: Stand): string => s.governor.sourceStatus('cold', s.now).state;

  it('is the first that applies', () => {
    const s = cold();
    expect(state(s)).toBe('warming');
    s.send(COLD, match({ rule: rule('slow', { window: 2 * HOUR, maxMsgPerHour: 15, recover: 0 }) }));
    expect(state(s)).toBe('backing-off');
    s.governor.stage('hold', 'cold', {}, 'operator:eve', 'a look', s.now);
    expect(state(s)).toBe('holding');
    s.now += 1;
    s.send(COLD, match({ rule: rule('stop', { scope: 'source', suspend: true, recover: 0 }) }));
    expect(state(s)).toBe('suspended');
    s.governor.pause({ kind: 'source', name: 'cold' }, 'operator:eve', undefined, s.now);
    expect(state(s)).toBe('paused');
    s.governor.resume({ kind: 'source', name: 'cold' }, 'operator:eve', s.now);
    s.governor.stage('release', 'cold', {}, 'operator:eve', undefined, s.now);
    expect(state(s)).toBe('suspended');
    s.now += 3 * HOUR;
    expect(state(s)).toBe('warming');
    s.governor.stage('graduate', 'cold', {}, 'operator:eve', undefined, s.now);
    expect(state(s)).toBe('warm');
  });

  it('is not backing-off for a window on a small part of its mail', () => {
    const s = new Stand({ defaults: burst });
    for (let i = 0; i < 9; i++) s.send({ source: 'hot', provider: 'beta' });
    s.send(HOT, match({ rule: rule('slow', { maxMsgPerHour: 60 }) }));
    expect(s.governor.sourceStatus('hot', s.now).state).toBe('warm');
    for (let i = 0; i < 9; i++) s.send(HOT);
    expect(s.governor.sourceStatus('hot', s.now).state).toBe('backing-off');
  });

  it('tells caps, the day and what binds', () => {
    const s = cold([3, 5, 9]);
    s.send(COLD, match(), 4);
    s.send(COLD, match({ class: 'mailbox.unknown', code: 550 }));
    const status = s.governor.sourceStatus('cold', s.now);
    expect(status).toMatchObject({
      name: 'cold',
      schedule: 'ramp',
      stage: 2,
      stages: 3,
      maxMsgPerHour: 5,
      attemptsLastHour: 5,
      attemptsToday: 5,
      deliveredToday: 4,
      bouncedToday: 1,
    });
    expect(status.because).toMatchObject([
      { limit: 'max-msg-per-hour', scope: 'source', value: 5, used: 5, from: 'ramp.yaml:1:1', until: T0 + HOUR },
    ]);
    expect(() => s.governor.sourceStatus('nobody', s.now)).toThrow('there is no source nobody');
  });
});

describe('an explanation', () => {
  it('keeps all reasons, binding first, and says when it would go without the first', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 2, ...burst } });
    s.send(HOT);
    s.send(HOT, match({ rule: rule('stop', { window: 2 * HOUR, recover: 0, suspend: true, class: 'transient' }) }));
    const { verdict, without } = s.governor.explain(HOT, {}, s.now);
    expect(verdict.because.map(r => [r.limit, r.until])).toEqual([
      ['window', T0 + 2 * HOUR],
      ['max-msg-per-hour', T0 + HOUR],
    ]);
    expect(verdict).toMatchObject({ go: false, until: T0 + 2 * HOUR });
    expect(without).toBe(T0 + HOUR);
    s.governor.pause({ kind: 'provider', name: 'alpha' }, 'operator:eve', 'maintenance', s.now);
    expect(s.governor.explain(HOT, {}, s.now)).toMatchObject({
      verdict: { until: null, because: [{ limit: 'paused', scope: 'provider', from: 'operator:eve: maintenance' }, {}, {}] },
      without: T0 + 2 * HOUR,
    });
  });

  it('reserves nothing and makes no lane', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 1 } });
    for (let i = 0; i < 5; i++) expect(s.governor.explain(HOT, {}, s.now).verdict.go).toBe(true);
    expect(s.governor.lanes()).toEqual([]);
    expect(s.ledger).toEqual([]);
  });

  it('of busy connections says so', () => {
    const s = new Stand();
    s.governor.connected(s.connect(HOT), s.now);
    s.go(HOT);
    expect(s.governor.explain(HOT, {}, s.now).verdict.because).toMatchObject([{ limit: 'concurrency', value: 1, used: 1, until: null }]);
  });

  it('of more connections than a window leaves names the window, once, before what was learnt', () => {
    const s = new Stand({ defaults: burst });
    const connections = Array.from({ length: 12 }, () => {
      const connection = s.connect(HOT);
      s.governor.connected(connection, s.now);
      s.send(HOT);
      return connection;
    });
    const [told, ...others] = Array.from({ length: 12 }, () => s.go(HOT));
    for (const permit of [told!, ...others]) s.governor.present(permit, s.now);
    s.now += 1;
    s.answer(told!, match({ rule: rule('rp-001', { maxSmtpOut: 4 }) }));
    s.governor.disconnected(connections[0]!, s.now);
    const { because } = s.governor.explain(HOT, {}, s.now).verdict;
    expect(because.map(r => [r.limit, r.value, r.used, r.window])).toEqual([
      ['max-smtp-out', 4, 11, 'w1'],
      ['concurrency', 6, 11, undefined],
    ]);
  });
});

describe('a queue', () => {
  it('is paused by name, which touches no lane', () => {
    const s = new Stand();
    s.governor.pause({ kind: 'queue', name: 'a.test@main' }, 'operator:eve', 'later', s.now);
    expect(s.governor.paused({ kind: 'queue', name: 'a.test@main' })).toMatchObject({
      limit: 'paused',
      from: 'operator:eve: later',
      until: null,
    });
    expect(s.governor.paused({ kind: 'queue', name: 'b.test@main' })).toBeUndefined();
    s.go(HOT);
    expect(s.governor.resume({ kind: 'queue', name: 'a.test@main' }, 'operator:eve', s.now)).toBe(true);
    expect(s.governor.resume({ kind: 'queue', name: 'a.test@main' }, 'operator:eve', s.now)).toBe(false);
    expect(s.journal.map(r => r.type)).toEqual(['paused', 'resumed']);
  });
});

describe('max-msg-per-day', () => {
  it('counts from tick to tick and waits for the next', () => {
    const s = new Stand({ sources: [source('hot', '192.0.2.1', { maxMsgPerDay: 3, ...burst })] });
    s.now += 5 * HOUR;
    s.send(HOT, match(), 3);
    const verdict = s.ask(HOT);
    expect(verdict).toMatchObject({ go: false, until: T0 + DAY });
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-msg-per-day', value: 3, used: 3, scope: 'source' });
    s.now = T0 + DAY;
    s.go(HOT);
  });

  it('gets back what never left', () => {
    const s = new Stand({ sources: [source('hot', '192.0.2.1', { maxMsgPerDay: 3, ...burst })] });
    const permit = s.go(HOT, 3);
    s.governor.refund(permit, 2, s.now);
    expect(s.go(HOT, 9).slots).toBe(2);
    expect(s.ask(HOT).go).toBe(false);
  });
});

describe('cold slots', () => {
  it('are what caps and the day leave within the time given', () => {
    const s = cold([10, 20, 40]);
    expect(s.governor.coldSlots(COLD, 4 * HOUR, s.now)).toBe(80);
    expect(s.governor.coldSlots(COLD, 30 * MINUTE, s.now)).toBe(20);
    s.send(COLD, match(), 15);
    expect(s.governor.coldSlots(COLD, 30 * MINUTE, s.now)).toBe(5);
    s.now += 45 * MINUTE;
    expect(s.governor.coldSlots(COLD, 30 * MINUTE, s.now)).toBe(20);
  });

  it('are no more than rates let through, of the lane and of the source', () => {
    const warm = (ground: object) =>
      new Stand({ sources: [source('cold', '192.0.2.9', {}, warmUp)], schedules: [schedule('ramp', [10, 2_000, 4_000])], ...ground });
    const tenAnHour = { maxMsgRate: { count: 10, per: HOUR }, ...burst };
    const bySource = warm({ sources: [source('cold', '192.0.2.9', tenAnHour, warmUp)], defaults: burst });
    const byLane = warm({ defaults: tenAnHour });
    const byDay = warm({ defaults: { maxMsgRate: { count: 100, per: DAY }, ...burst } });
    for (const s of [bySource, byLane]) {
      expect(s.governor.coldSlots(COLD, 4 * HOUR, s.now)).toBe(40);
      s.send(COLD, match(), 7);
      expect(s.governor.coldSlots(COLD, 30 * MINUTE, s.now)).toBe(3);
    }
    byDay.send(COLD, match(), 60);
    expect(byDay.governor.coldSlots(COLD, 4 * HOUR, byDay.now)).toBe(40);
  });

  it('never exceed what is left of the day', () => {
    const stages = [{ number: 1, limits: limits({ maxMsgPerHour: 20, maxMsgPerDay: 30 }), from: { file: 'ramp.yaml', line: 1, col: 1 } }];
    const s = cold([], { stages });
    s.send(COLD, match(), 20);
    expect(s.governor.coldSlots(COLD, 10 * HOUR, s.now)).toBe(10);
  });

  it('are none for warm, paused, suspended and windowed lanes', () => {
    expect(new Stand().governor.coldSlots(HOT, HOUR, T0)).toBe(0);
    const s = cold();
    s.governor.pause({ kind: 'lane', name: 'cold/alpha' }, 'operator:eve', undefined, s.now);
    expect(s.governor.coldSlots(COLD, HOUR, s.now)).toBe(0);
    const windowed = cold();
    windowed.send(COLD, match({ rule: rule('slow', { maxMsgPerHour: 15 }) }));
    expect(windowed.governor.coldSlots(COLD, HOUR, windowed.now)).toBe(0);
    expect(windowed.governor.isWarm('cold')).toBe(false);
    expect(windowed.governor.stageOf('cold')).toBe(2);
  });
});

describe('warm-up', () => {
  it('is stepped back once by a rule that says so, however many matches follow', () => {
    const s = cold([10, 20, 40]);
    const back = rule('back', { window: HOUR, maxMsgPerHour: 500, warmUp: 'step-back', class: 'block.ip' });
    for (let i = 0; i < 3; i++, s.now += MINUTE) s.send(COLD, match({ rule: back }));
    expect(s.journal.map(r => r.type).filter(t => t.startsWith('stage'))).toEqual(['stage-placed', 'stage-braked']);
    expect(s.journal.find(r => r.type === 'stage-braked')).toMatchObject({
      author: 'rule:alpha/back',
      cause: s.journal.find(r => r.type === 'window-opened')?.id,
    });
    expect(s.governor.sourceStatus('cold', s.now).maxMsgPerHour).toBe(10);
  });

  it('is stepped back by a rule that does nothing else, once a day', () => {
    const s = cold([10, 20, 40]);
    const bare = rule('bare', { bare: true, warmUp: 'step-back', class: 'block.ip' });
    for (let i = 0; i < 4; i++, s.now += MINUTE) s.send(COLD, match({ rule: bare }));
    expect(s.journal.filter(r => r.type === 'stage-braked').length).toBe(1);
    expect(s.governor.windows(s.now)).toEqual([]);
  });

  it('that waits for a person after three step-backs is resumed like a pause', () => {
    const s = cold([10, 20, 40]);
    const waitsForPerson = (): boolean =>
      s.governor.sourceStatus('cold', s.now).because.some(r => r.limit === 'suspended' && r.until === null);
    for (let day = 0; day < 9 && !waitsForPerson(); day++, s.now += DAY) {
      if (s.governor.explain(COLD, {}, s.now).verdict.go)
        s.send(COLD, match({ rule: rule(`bare${day}`, { bare: true, warmUp: 'step-back' }) }));
      s.governor.judge('cold', s.now, s.now);
    }
    expect(s.journal.filter(r => r.type === 'stage-braked').length).toBe(3);
    expect(s.governor.sourceStatus('cold', s.now).state).toBe('suspended');
    expect(s.governor.resume({ kind: 'source', name: 'cold' }, 'operator:eve', s.now)).toBe(true);
    expect(s.journal.at(-1)).toMatchObject({ type: 'released', author: 'operator:eve' });
  });

  it('voids permits and wakes lanes when it brakes', () => {
    const s = cold([10, 20, 40]);
    const permit = s.go(COLD);
    s.woken.length = 0;
    s.send(COLD, match({ rule: rule('bare', { bare: true, warmUp: 'step-back' }) }));
    expect(s.governor.present(permit, s.now)).toBe(false);
    expect(s.woken).toContain('cold/*');
  });

  it('learns how long windows that hold it were open: each moment once, closed and lifted ones too', () => {
    let open: ((source: string, p: string | undefined, from: number, to: number) => number) | undefined;
    const spied = new Stand(
      { sources: [source('cold', '192.0.2.9', {}, warmUp)], schedules: [schedule('ramp', [10, 20])], defaults: burst },
      T0,
      ports => {
        open = ports.windowOpen;
        return real(ports);
      },
    );
    const total = (p?: string): number => (open?.('cold', p, T0, T0 + DAY) ?? NaN) / MINUTE;
    const held = (id: string, window: number) =>
      match({ rule: rule(id, { window, recover: 0, maxMsgPerHour: 500, warmUp: 'hold', class: 'reputation.defer' }) });
    spied.send(COLD, held('a', HOUR));
    spied.now += 30 * MINUTE;
    spied.send(COLD, held('b', HOUR));
    expect(total()).toBe(90);
    expect(total('alpha')).toBe(90);
    expect(total('beta')).toBe(0);
    spied.now += 10 * MINUTE;
    spied.governor.lift('w2', 'operator:eve', undefined, spied.now);
    expect(total()).toBe(60);
    spied.now += DAY;
    spied.governor.expire(spied.now);
    expect(spied.governor.windows(spied.now)).toEqual([]);
    expect(total()).toBe(60);
  });
});

describe('lanes', () => {
  it('exist from their first departure until nothing is left of them', () => {
    const s = new Stand();
    for (let i = 0; i < 50; i++) s.send({ source: 'hot', provider: `mx${i}` });
    expect(s.governor.lanes().length).toBe(50);
    s.now += 2 * HOUR;
    for (let i = 0; i < 3; i++) s.governor.expire(s.now);
    expect(s.governor.lanes()).toEqual([]);
  });

  it('stay while a window on them is open or recovering, after their last hour of mail too', () => {
    const blocked = rule('blocked', { class: 'block.ip', suspend: true, window: 6 * HOUR, recover: HOUR });
    const s = new Stand({ providers: [provider('alpha', {}, [blocked])] });
    s.send(HOT, match({ rule: blocked }));
    const look = () => {
      for (let i = 0; i < 3; i++) s.governor.expire(s.now);
      return [s.governor.lanes().length, s.governor.sourceStatus('hot', s.now).state];
    };
    s.now += 5 * HOUR;
    expect(look()).toEqual([1, 'suspended']);
    s.now += 2 * HOUR + 1;
    expect(look()).toEqual([0, 'warm']);
  });

  it('follow the address when a source is renamed, and finish what a removed one had begun', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 3, ...burst } });
    const permit = s.go(HOT, 2);
    s.governor.present(permit, s.now);
    const renamed = { ...settings({ sources: [source('new', '192.0.2.1')], defaults: { maxMsgPerHour: 3, ...burst } }) };
    s.governor.configure(renamed, s.now);
    expect(s.ask(HOT).go).toBe(false);
    expect(s.go({ source: 'new', provider: 'alpha' }, 9).slots).toBe(1);
    s.governor.configure(settings({ sources: [] }), s.now);
    s.answer(permit);
    s.governor.configure(renamed, s.now);
    expect(s.ask({ source: 'new', provider: 'alpha' })).toMatchObject({ go: false });
  });
});

describe('the ledger after a restart', () => {
  const capped = settings({ providers: [provider('alpha', { maxMsgPerHour: 10, ...burst })] });
  const reserve = (permit: number, slots: number, at: number): LedgerRecord => ({
    kind: 'reserve',
    permit,
    address: '192.0.2.1',
    provider: 'alpha',
    slots,
    at,
  });
  const after = (records: LedgerRecord[], end: 'clean' | 'killed' | 'power-cut', ground = capped): Stand => {
    const s = new Stand(ground, T0 + 30 * MINUTE);
    s.governor.restoreLedger(records, end, s.now);
    return s;
  };

  it('counts answers from their instant, refunds not at all, the unfinished from now', () => {
    const s = after(
      [
        reserve(1, 4, T0),
        { kind: 'answer', permit: 1, at: T0 + 1000 },
        reserve(2, 3, T0),
        { kind: 'refund', permit: 2, at: T0 },
        reserve(3, 5, T0),
      ],
      'killed',
    );
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(9);
    expect(s.ledger).toEqual([{ kind: 'answer', permit: 3, at: s.now }]);
    s.now = T0 + HOUR + 1000;
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(5);
    s.now = T0 + 30 * MINUTE + HOUR;
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(0);
    expect(s.go(HOT).id).toBe(4);
  });

  it.each([
    ['lane', { defaults: { maxMsgRate: { count: 5, per: DAY }, ...burst } }],
    ['source', { sources: [source('hot', '192.0.2.1', { maxMsgRate: { count: 5, per: DAY }, ...burst })] }],
    ['total', { total: { maxMsgRate: { count: 5, per: DAY } } }],
  ])('counts a rate of a day from the day, not from its last hour: %s', (_, ground) => {
    const s = new Stand(ground);
    for (let i = 0; i < 5; i++, s.now += MINUTE) s.send(HOT);
    const again = new Stand(ground, T0 + 20 * HOUR);
    again.governor.restoreLedger(s.ledger, 'clean', again.now);
    expect(again.ask(HOT)).toMatchObject({ go: false, until: T0 + DAY });
    again.now = T0 + DAY + 5 * MINUTE;
    expect(again.go(HOT, 9).slots).toBe(5);
  });

  it('counts an answer of the future from now', () => {
    const s = after([reserve(1, 4, T0 + DAY), { kind: 'answer', permit: 1, at: T0 + DAY }], 'clean');
    s.now += HOUR - 1;
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(4);
    s.now += 1;
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(0);
  });

  it('is told what a power cut was charged, so that it is charged once', () => {
    const even = settings({ providers: [provider('alpha', { maxMsgPerHour: 100 })], defaults: { maxSmtpOut: 7 } });
    const first = after([reserve(1, 1, T0), { kind: 'answer', permit: 1, at: T0 }], 'power-cut', even);
    // 1 answered, 7 connections, 2 slots and 450 ms of pace.
    expect(first.governor.laneStatus(HOT, first.now).attemptsLastHour).toBe(1 + 7 + 3);
    const again = after([reserve(1, 1, T0), { kind: 'answer', permit: 1, at: T0 }, ...first.ledger], 'killed', even);
    expect(again.governor.laneStatus(HOT, again.now).attemptsLastHour).toBe(11);
    const burstLane = after([reserve(1, 1, T0), { kind: 'answer', permit: 1, at: T0 }], 'power-cut');
    expect(burstLane.ask(HOT).go).toBe(false);
    const free = after([reserve(1, 1, T0), { kind: 'answer', permit: 1, at: T0 }], 'power-cut', settings());
    expect(free.governor.laneStatus(HOT, free.now).attemptsLastHour).toBe(1);
  });
});

describe('a note', () => {
  it('is a record and changes nothing', () => {
    const s = new Stand();
    s.governor.note('started', 'daemon', 'rampd 0.1.0 started', s.now);
    expect(s.journal).toEqual([{ id: 1, at: T0, type: 'started', author: 'daemon', text: 'rampd 0.1.0 started' }]);
    expect(s.governor.snapshot()).toMatchObject({ lastRecord: 1, state: {} });
  });
});
