/**
 * The dialogue of the governor: permits, refunds, connections, limits of every level, reasons with their origin.
 */
import { describe, expect, it } from 'vitest';
import { DAY, HOT, HOUR, limits, match, provider, rule, settings, source, Stand, T0 } from './ground.js';

const burst = { pacing: 'burst' as const };

describe('an hourly cap', () => {
  it('is exact, sliding and half-open', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 3, ...burst } });
    for (let i = 0; i < 3; i++, s.now += 60_000) s.send(HOT);
    const verdict = s.ask(HOT);
    expect(verdict).toMatchObject({ go: false, until: T0 + HOUR });
    expect(!verdict.go && verdict.because()).toMatchObject([
      { limit: 'max-msg-per-hour', scope: 'lane', value: 3, used: 3, from: 'defaults.yaml:2:1', until: T0 + HOUR },
    ]);
    s.now = T0 + HOUR - 1;
    expect(s.ask(HOT).go).toBe(false);
    s.now = T0 + HOUR;
    s.send(HOT);
    expect(s.ask(HOT)).toMatchObject({ go: false, until: T0 + HOUR + 60_000 });
  });

  it('counts from the answer, not from the departure', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 1, ...burst } });
    const permit = s.go(HOT);
    s.governor.present(permit, s.now);
    s.now += 30_000;
    expect(s.ask(HOT)).toMatchObject({ go: false, until: null });
    s.answer(permit);
    expect(s.ask(HOT)).toMatchObject({ go: false, until: T0 + 30_000 + HOUR });
  });

  it('gives back what was never presented, and only that', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 5, ...burst } });
    const permit = s.go(HOT, 5);
    expect(permit.slots).toBe(5);
    expect(s.ask(HOT).go).toBe(false);
    s.governor.refund(permit, 2, s.now);
    expect(s.go(HOT, 5).slots).toBe(2);
    expect(s.ledger.map(r => r.kind)).toEqual(['reserve', 'refund', 'reserve', 'reserve']);
    expect(s.ledger[2]).toMatchObject({ permit: permit.id, slots: 3 });
    s.governor.settle(permit, s.now, [], s.now);
    s.governor.refund(permit, 3, s.now);
    expect(s.ask(HOT).go).toBe(false);
  });

  it('is a minimum: provider replaces defaults, sources bind the sum of their lanes, total the daemon', () => {
    const a = { source: 'hot', provider: 'alpha' };
    const b = { source: 'hot', provider: 'beta' };
    const c = { source: 'two', provider: 'beta' };
    const s = new Stand({
      sources: [source('hot', '192.0.2.1', { maxMsgPerHour: 6 }), source('two', '192.0.2.2')],
      providers: [provider('alpha', { maxMsgPerHour: 4 }), provider('beta')],
      defaults: { maxMsgPerHour: 3, ...burst },
      total: { maxMsgPerHour: 8 },
    });
    expect(s.go(a, 9).slots).toBe(4);
    expect(s.go(b, 9).slots).toBe(2);
    expect(s.go(c, 9).slots).toBe(2);
    const verdict = s.ask(c);
    expect(!verdict.go && verdict.because().map(r => [r.scope, r.limit])).toEqual([['total', 'max-msg-per-hour']]);
  });

  it('may be `none`, and `unlimited`', () => {
    const s = new Stand({
      defaults: { maxMsgPerHour: Infinity, maxMsgRate: { count: Infinity, per: 1000 } },
      providers: [provider('none', { maxMsgPerHour: 0 })],
    });
    expect(s.go(HOT, 50).slots).toBe(50);
    expect(s.ask({ source: 'hot', provider: 'none' })).toMatchObject({ go: false, until: null });
  });
});

describe('a cap of the day', () => {
  const day = { maxMsgPerDay: 5, ...burst };

  it('counts what is under way, and nothing that was given back', () => {
    const s = new Stand({ defaults: day });
    const [first, second] = [s.go(HOT, 3), s.go(HOT, 3)];
    expect([first.slots, second.slots]).toEqual([3, 2]);
    const verdict = s.ask(HOT);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-msg-per-day', value: 5, used: 5, until: null });
    s.governor.refund(second, 1, s.now);
    expect(s.go(HOT, 9).slots).toBe(1);
    s.answer(first);
    expect(s.governor.sourceStatus('hot', s.now).attemptsToday).toBe(5);
    expect(s.ask(HOT)).toMatchObject({ go: false, until: T0 + DAY });
  });

  it('is that of the day in which an attempt ends, when it spans two', () => {
    const s = new Stand({ defaults: day }, T0 - 1000);
    const permit = s.go(HOT, 5);
    s.governor.present(permit, s.now);
    expect(s.ask(HOT).go).toBe(false);
    s.now = T0;
    expect(s.ask(HOT).go).toBe(false);
    s.answer(permit);
    expect(s.ask(HOT)).toMatchObject({ go: false, until: T0 + DAY });
    s.now = T0 + DAY;
    expect(s.go(HOT, 9).slots).toBe(5);
  });

  it('binds the sum of a source’s lanes', () => {
    const s = new Stand({ sources: [source('hot', '192.0.2.1', { maxMsgPerDay: 4 })], defaults: burst });
    s.send(HOT, match(), 3);
    expect(s.go({ source: 'hot', provider: 'beta' }, 9).slots).toBe(1);
    expect(s.ask({ source: 'hot', provider: 'gamma' }).go).toBe(false);
  });
});

describe('lanes that wake up together', () => {
  it('take no more than their source has', () => {
    for (const pacing of ['even', 'burst'] as const) {
      const s = new Stand({ sources: [source('hot', '192.0.2.1', { maxMsgPerHour: 20 })], defaults: { pacing } });
      const lanes = Array.from({ length: 1000 }, (_, i) => ({ source: 'hot', provider: `mx${i}` }));
      expect(lanes.filter(lane => s.ask(lane).go).length).toBe(pacing === 'even' ? 2 : 20);
    }
  });
});

describe('an even pace', () => {
  it('spreads an hour over its grid', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 60 } });
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const verdict = s.ask(HOT);
      if (verdict.go) {
        times.push((s.now - T0) / 1000);
        s.governor.present(verdict.permit, s.now);
        s.answer(verdict.permit);
      } else s.now = verdict.until ?? Infinity;
    }
    expect(times).toEqual([0, 0, 60, 120, 180, 240, 300, 360, 420, 480, 540]);
  });

  it('splits a message of many recipients', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 3600 } });
    expect(s.go(HOT, 50).slots).toBe(2);
    expect(s.ask(HOT, 48)).toMatchObject({ go: false, until: T0 + 1000 });
  });
});

describe('a permit', () => {
  it('is void after any tightening, and its slots come back', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 1 } });
    const permit = s.go(HOT);
    s.governor.pause({ kind: 'source', name: 'hot' }, 'operator:eve', 'looking', s.now);
    expect(s.governor.present(permit, s.now)).toBe(false);
    s.governor.resume({ kind: 'source', name: 'hot' }, 'operator:eve', s.now);
    const again = s.go(HOT);
    expect(s.governor.present(again, s.now)).toBe(true);
    expect(s.governor.present(again, s.now)).toBe(false);
  });

  it('is void after a reload that changes nothing, after five minutes, and when unknown', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 100, ...burst } });
    const permit = s.go(HOT);
    s.governor.configure(settings(), s.now);
    expect(s.governor.present(permit, s.now)).toBe(false);
    const old = s.go(HOT);
    s.now += 300_001;
    expect(s.governor.present(old, s.now)).toBe(false);
    expect(s.governor.present({ ...old, id: 99 }, s.now)).toBe(false);
  });
});

describe('connections', () => {
  const many = { maxSmtpOut: 4 };

  it('start with one and double with success up to the maximum', () => {
    const s = new Stand({ defaults: many });
    const open: number[] = [];
    for (let round = 0; round < 4; round++) {
      for (let v = s.governor.mayConnect(HOT, s.now); v.go; v = s.governor.mayConnect(HOT, s.now)) {
        s.governor.connected(v.connection, s.now);
        open.push(v.connection);
      }
      expect(open.length).toBe([1, 2, 4, 4][round]);
      const permits = open.map(() => s.go(HOT));
      for (const permit of permits) s.answer(permit);
    }
    const verdict = s.governor.mayConnect(HOT, s.now);
    expect(verdict).toMatchObject({ go: false, until: null });
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-smtp-out', value: 4, used: 4, from: 'defaults.yaml:1:1' });
    s.governor.disconnected(open[0] as number, s.now);
    expect(s.woken).toContain('hot/alpha');
    s.connect(HOT);
  });

  it('that a window leaves too few of are waited for like any others, though the window ends by itself', () => {
    const s = new Stand({ defaults: many });
    for (let i = 0; i < 3; i++) {
      s.governor.connected(s.connect(HOT), s.now);
      s.send(HOT);
    }
    const [told, other] = [s.go(HOT), s.go(HOT)];
    for (const permit of [told, other]) s.governor.present(permit, s.now);
    s.answer(told, match({ rule: rule('slow', { maxSmtpOut: 1 }) }));
    const verdict = s.ask(HOT);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-smtp-out', value: 1, used: 1, window: 'w1' });
    s.woken.length = 0;
    s.answer(other);
    expect(s.woken).toEqual(['hot/alpha']);
    expect(s.ask(HOT).go).toBe(true);
  });

  it('observe max-connect-rate, which a failed attempt uses up too', () => {
    const s = new Stand({ defaults: { maxConnectRate: { count: 2, per: 60_000 } } });
    s.governor.connectFailed(s.connect(HOT), match({ class: 'network', code: 0, phase: 'connect' }), 1, s.now);
    s.now += 1000;
    s.governor.disconnected(s.connect(HOT), s.now);
    expect(s.governor.mayConnect(HOT, s.now)).toMatchObject({ go: false, until: T0 + 60_000 });
  });

  it('close, youngest first, when a limit falls', () => {
    const s = new Stand({ defaults: many });
    const ids = [s.connect(HOT)];
    s.governor.connected(ids[0] as number, s.now);
    s.send(HOT);
    ids.push(s.connect(HOT));
    s.governor.connected(ids[1] as number, s.now);
    expect(ids.map(id => s.governor.shouldClose(HOT, id, s.now))).toEqual([false, false]);
    s.governor.configure({ ...settings(), defaults: limits({ maxSmtpOut: 1 }) }, s.now);
    expect(ids.map(id => s.governor.shouldClose(HOT, id, s.now))).toEqual([false, true]);
    s.governor.disconnected(ids[1] as number, s.now);
    expect(s.governor.shouldClose(HOT, ids[0] as number, s.now)).toBe(false);
  });

  it('are not opened without slots for them', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 2 } });
    s.send(HOT);
    s.send(HOT);
    const verdict = s.governor.mayConnect(HOT, s.now);
    expect(verdict).toMatchObject({ go: false, until: T0 + HOUR });
  });

  it('of one source are limited over all its lanes', () => {
    const s = new Stand({ sources: [source('hot', '192.0.2.1', { maxSmtpOut: 2 })] });
    s.connect({ source: 'hot', provider: 'a' });
    s.connect({ source: 'hot', provider: 'b' });
    const verdict = s.governor.mayConnect({ source: 'hot', provider: 'c' }, s.now);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ scope: 'source', limit: 'max-smtp-out' });
  });
});

describe('what connections must observe', () => {
  it('is the minimum for quantities and the most specific word for manners', () => {
    const s = new Stand({
      sources: [source('hot', '192.0.2.1', { maxMsgPerConnection: 30, retryAfter: [5] })],
      providers: [provider('alpha', { maxMsgPerConnection: 50, retryAfter: [7], requireStarttls: true })],
      defaults: { maxMsgPerConnection: 10, bounceAfter: 99, retryAfter: [9] },
    });
    expect(s.governor.laneLimits(HOT)).toMatchObject({
      maxMsgPerConnection: 30,
      retryAfter: [5],
      bounceAfter: 99,
      requireStarttls: true,
      useStarttls: true,
    });
    expect(s.governor.laneLimits({ source: 'hot', provider: 'else' }).maxMsgPerConnection).toBe(10);
  });
});

describe('a name by which a lane is found fast', () => {
  const once = { maxMsgPerHour: 1, ...burst };
  const named = (address: string) => settings({ sources: [source('hot', address)], defaults: once });

  it('shows on a permit as the name and nothing more', () => {
    const s = new Stand();
    const known = s.governor.known(HOT);
    s.send(known);
    expect(Object.entries(s.go(known).lane)).toEqual(Object.entries(HOT));
    expect(JSON.stringify(s.go(known).lane)).toBe(JSON.stringify(HOT));
  });

  it('means the same lane as any other writing of it, also when the lane was forgotten meanwhile', () => {
    const s = new Stand({ defaults: once });
    const known = s.governor.known(HOT);
    s.send(known);
    expect(s.ask(HOT).go).toBe(false);
    s.now += 3 * HOUR;
    s.governor.expire(s.now);
    expect(s.governor.lanes()).toEqual([]);
    s.send(HOT);
    expect(s.ask(known).go).toBe(false);
    expect(s.governor.lanes()).toEqual([HOT]);
  });

  it('of a forgotten lane obeys what changed since, and has unlearnt what it knew', () => {
    const s = new Stand({ defaults: { maxMsgPerHour: 10, maxSmtpOut: 8, ...burst } });
    const known = s.governor.known(HOT);
    const connections = [s.connect(known)];
    for (const connection of connections) s.governor.connected(connection, s.now);
    for (let i = 0; i < 4; i++) s.send(known);
    connections.push(s.connect(known));
    for (const connection of connections) s.governor.disconnected(connection, s.now);
    s.now += 3 * HOUR;
    s.governor.expire(s.now);
    expect(s.governor.lanes()).toEqual([]);
    s.governor.pause({ kind: 'lane', name: 'hot/alpha' }, 'ann', undefined, s.now);
    expect(s.ask(known).go).toBe(false);
    s.governor.resume({ kind: 'lane', name: 'hot/alpha' }, 'ann', s.now);
    s.connect(known);
    expect(s.governor.mayConnect(known, s.now).go).toBe(false);
  });

  it('is the name itself where the lane was made under another, and leads to the lane all the same', () => {
    const s = new Stand(named('192.0.2.1'));
    const before = s.governor.known(HOT);
    s.send(before);
    s.governor.configure(settings({ sources: [source('new', '192.0.2.1')], defaults: once }), s.now);
    const after = s.governor.known({ source: 'new', provider: 'alpha' });
    expect(after).toEqual({ source: 'new', provider: 'alpha' });
    const verdict = s.ask(after);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-msg-per-hour', used: 1 });
    expect(s.ask(before)).toMatchObject({ go: false, until: null });
  });

  it('means the address that the source has now, and nothing once the source is gone', () => {
    const s = new Stand(named('192.0.2.1'));
    const known = s.governor.known(HOT);
    s.send(known);
    s.governor.configure(named('192.0.2.7'), s.now);
    s.send(known);
    expect(s.ledger.flatMap(r => (r.kind === 'reserve' ? r.address : []))).toEqual(['192.0.2.1', '192.0.2.7']);
    s.governor.configure(named('192.0.2.1'), s.now);
    expect(s.ask(known).go).toBe(false);
    s.governor.configure(settings({ sources: [source('other', '192.0.2.1')], defaults: once }), s.now);
    const verdict = s.ask(known);
    expect(!verdict.go && verdict.because()[0]?.limit).toBe('unknown-source');
  });
});

describe('a source nobody knows', () => {
  it('waits and says so', () => {
    const s = new Stand();
    const verdict = s.ask({ source: 'gone', provider: 'alpha' });
    expect(!verdict.go && verdict.because()[0]?.limit).toBe('unknown-source');
    expect(s.governor.mayConnect({ source: 'gone', provider: 'alpha' }, s.now).go).toBe(false);
  });
});
