/**
 * Windows: opening, extension, scopes, triggers, recovery, expiry, lifting, what voids permits.
 */
import { describe, expect, it, vi } from 'vitest';
import type { ReplyMatch } from '../../src/kernel/reply.js';
import { STEPS, valueAt } from '../../src/govern/window.js';
import { Windows } from '../../src/govern/windows.js';
import { type Ground, HOT, HOUR, match, MINUTE, provider, rule, source, Stand, T0 } from './ground.js';

const other = { source: 'hot', provider: 'beta' };
const elsewhere = { source: 'two', provider: 'alpha' };
const two = [source('hot', '192.0.2.1'), source('two', '192.0.2.2')];
const burst = { pacing: 'burst' as const };
const stand = (more: Ground = {}): Stand => new Stand({ sources: two, defaults: burst, ...more });

describe('a window', () => {
  it('opens with the rule, binds the lane, names rule and reply, and closes by itself', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('slow', { window: HOUR, maxSmtpOut: 1, maxMsgPerHour: 60, recover: HOUR }) }));
    expect(s.governor.windows(s.now)).toMatchObject([
      {
        id: 'w1',
        rule: 'alpha/slow',
        from: 'alpha.yaml:7:1',
        scope: 'lane',
        address: '192.0.2.1',
        provider: 'alpha',
        hits: 1,
        maxMsgPerHour: 60,
      },
    ]);
    expect(s.journal).toMatchObject([
      { id: 1, type: 'window-opened', author: 'rule:alpha/slow', source: 'hot', window: 'w1', reply: '421 throttle.rate' },
    ]);
    expect(s.journal[0]?.state).toHaveProperty(['window:w1']);
    expect(s.governor.laneStatus(HOT, s.now)).toMatchObject({ maxMsgPerHour: 60, maxSmtpOut: 1, windows: ['w1'] });
    for (const lane of [other, elsewhere])
      expect(s.governor.laneStatus(lane, s.now)).toMatchObject({ maxMsgPerHour: Infinity, windows: [] });
    expect(s.governor.nextExpiry(s.now)).toBe(T0 + 2 * HOUR);
    s.now = T0 + 2 * HOUR;
    s.governor.expire(s.now);
    expect(s.governor.windows(s.now)).toEqual([]);
    expect(s.journal.at(-1)).toMatchObject({ type: 'window-closed', state: { 'window:w1': null } });
    expect(s.governor.nextExpiry(s.now)).toBeNull();
    expect(s.governor.laneStatus(HOT, s.now).maxMsgPerHour).toBe(Infinity);
  });

  it('binds before the next MAIL FROM: permits not yet presented are void', () => {
    const s = stand();
    const early = s.go(HOT);
    const apart = s.go(other);
    s.send(HOT, match({ rule: rule('stop', { suspend: true }) }));
    expect(s.governor.present(early, s.now)).toBe(false);
    expect(s.governor.present(apart, s.now)).toBe(true);
    const verdict = s.ask(HOT);
    expect(verdict).toMatchObject({ go: false, until: T0 + HOUR });
    expect(!verdict.go && verdict.because()).toMatchObject([
      { limit: 'window', window: 'w1', reply: '421 throttle.rate', until: T0 + HOUR },
    ]);
  });

  it('counts what left before it opened', () => {
    const s = stand();
    for (let i = 0; i < 70; i++) s.send(HOT);
    s.now += MINUTE;
    s.send(HOT, match({ rule: rule('slow', { window: 2 * HOUR, maxMsgPerHour: 60 }) }));
    // Without a cap the history was coarse: the hour's end is rounded up to the next 36 s.
    const verdict = s.ask(HOT);
    expect(!verdict.go && verdict.until).toBeGreaterThanOrEqual(T0 + HOUR);
    expect(!verdict.go && verdict.until).toBeLessThanOrEqual(T0 + HOUR + 36_000);
  });

  it('is extended by a new match: the later deadline, half the rate, down to a floor', () => {
    const s = stand();
    const slow = rule('slow', { window: HOUR, maxSmtpOut: 8, maxMsgPerHour: 1000 });
    const rates: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      s.send(HOT, match({ rule: slow }));
      s.now += MINUTE;
      const [w] = s.governor.windows(s.now);
      rates.push([w?.maxSmtpOut, w?.maxMsgPerHour, w?.hits, ((w?.until ?? 0) - T0) / MINUTE]);
    }
    expect(rates).toEqual([
      [8, 1000, 1, 60],
      [4, 500, 2, 61],
      [2, 250, 3, 62],
      [1, 125, 4, 63],
      [1, 100, 5, 64],
      [1, 100, 6, 65],
    ]);
    expect(s.journal.map(r => r.type)).toEqual(['window-opened', ...Array(5).fill('window-extended')]);
  });

  it('never falls below 12/h by halving, nor rises to it', () => {
    const s = stand();
    for (let i = 0; i < 5; i++, s.now += HOUR) s.send(HOT, match({ rule: rule('a', { window: 9 * HOUR, maxMsgPerHour: 40 }) }));
    expect(s.governor.windows(s.now)[0]?.maxMsgPerHour).toBe(12);
    for (let i = 0; i < 3; i++, s.now += HOUR) s.send(other, match({ rule: rule('b', { window: 9 * HOUR, maxMsgPerHour: 5 }) }));
    expect(s.governor.windows(s.now).find(w => w.rule === 'alpha/b')?.maxMsgPerHour).toBe(5);
  });

  const busy = (): Stand => {
    const s = stand({ defaults: { maxSmtpOut: 300, ...burst } });
    const permits = Array.from({ length: 200 }, () => s.go(HOT));
    for (const permit of permits) s.governor.present(permit, s.now);
    s.now += 5_000;
    for (const permit of permits) {
      s.answer(permit, match({ rule: slow }));
      s.now += 10;
    }
    return s;
  };
  const slow = rule('slow', { maxSmtpOut: 100, maxMsgPerHour: 1000 });

  it('is tightened once by 200 busy connections answered together', () => {
    const s = busy();
    expect(s.governor.windows(s.now)).toMatchObject([{ hits: 1, maxSmtpOut: 100, maxMsgPerHour: 1000 }]);
    expect(s.journal.length).toBe(1);
    s.send(HOT, match({ rule: slow }), 1);
    expect(s.governor.windows(s.now)).toMatchObject([{ hits: 2, maxMsgPerHour: 500 }]);
  });

  it('counter-test: is tightened by each of them when their departure does not matter', () => {
    const react = Windows.prototype.react;
    const spy = vi.spyOn(Windows.prototype, 'react').mockImplementation(function (this: Windows, place, hit) {
      return react.call(this, place, { ...hit, departed: Infinity });
    });
    expect(busy().governor.windows(T0 + MINUTE)).toMatchObject([{ hits: 200, maxSmtpOut: 1, maxMsgPerHour: 100 }]);
    spy.mockRestore();
  });

  it('is opened once by 200 idle connections closed together', () => {
    const s = stand();
    const slow = rule('slow', { maxMsgPerHour: 1000 });
    s.connect(HOT);
    s.now += 1000;
    for (let i = 0; i < 200; i++, s.now += 5) s.governor.absorbReply(HOT, match({ rule: slow, phase: 'idle' }), s.now);
    expect(s.governor.windows(s.now)).toMatchObject([{ hits: 1, maxMsgPerHour: 1000 }]);
  });

  it('is opened by a refused greeting, whose connection counts and whose slot was never taken', () => {
    const s = stand({ defaults: { maxConnectRate: { count: 1, per: HOUR } } });
    s.governor.connectFailed(
      s.connect(HOT),
      match({ rule: rule('greet', { suspend: true, window: MINUTE, recover: 0 }), phase: 'greeting' }),
      1,
      s.now,
    );
    expect(s.governor.windows(s.now)).toMatchObject([{ rule: 'alpha/greet', suspend: true }]);
    expect(s.governor.laneStatus(HOT, s.now).attemptsLastHour).toBe(0);
    s.now += 30 * MINUTE;
    const verdict = s.governor.mayConnect(HOT, s.now);
    expect(verdict).toMatchObject({ go: false, until: T0 + HOUR });
  });

  it('honours a hint longer than the rule, up to a day', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('slow', { window: HOUR, maxMsgPerHour: 60 }), hint: 15 * MINUTE }));
    expect(s.governor.windows(s.now)[0]?.until).toBe(T0 + HOUR);
    s.now += 1;
    s.send(HOT, match({ rule: rule('slow', { window: HOUR, maxMsgPerHour: 60 }), hint: 3 * HOUR }));
    expect(s.governor.windows(s.now)[0]?.until).toBe(T0 + 1 + 3 * HOUR);
    s.now += 1;
    s.send(HOT, match({ rule: rule('slow', { window: HOUR, maxMsgPerHour: 60 }), hint: 1e15 }));
    expect(s.governor.windows(s.now)[0]?.until).toBe(T0 + 2 + 24 * HOUR);
  });

  it('reacts once per rule to a transaction of many recipients', () => {
    const s = stand();
    const slow = rule('slow', { trigger: { count: 2, per: HOUR }, maxMsgPerHour: 60 });
    s.send(HOT, match({ rule: slow }), 20);
    expect(s.governor.windows(s.now)).toEqual([]);
    s.send(HOT, match({ rule: slow }), 20);
    expect(s.governor.windows(s.now).length).toBe(1);
  });

  it('of a weaker rule loosens nothing: both stand, the minimum binds', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('strong', { window: 2 * HOUR, maxMsgPerHour: 30 }) }));
    s.now += 1000;
    s.send(HOT, match({ rule: rule('weak', { window: 10 * MINUTE, maxMsgPerHour: 600 }) }));
    expect(s.governor.laneStatus(HOT, s.now)).toMatchObject({ maxMsgPerHour: 30, windows: ['w1', 'w2'] });
    expect(s.governor.windows(s.now)[0]?.until).toBe(T0 + 2 * HOUR);
  });

  it('names the message whose reply it quotes, and when it came: in its reasons, in the journal, and of the last match', () => {
    const s = stand();
    const slow = rule('slow', { maxMsgPerHour: 1, maxSmtpOut: 1 });
    const answered = (m: ReplyMatch, message: string): void => {
      const permit = s.go(HOT);
      s.governor.present(permit, s.now);
      s.governor.settle(permit, s.now, [{ match: m, recipient: 'r@rcpt.test', counted: [], message }], s.now);
    };
    answered(match({ rule: slow }), '00-000000001f');
    const quote = { reply: '421 throttle.rate', replied: T0, message: '00-000000001f' };
    expect(s.governor.windows(s.now)[0]).toMatchObject(quote);
    expect(s.journal.at(-1)).toMatchObject({ reply: quote.reply, message: quote.message });
    expect(s.governor.explain(HOT, {}, s.now).verdict.because[0]).toMatchObject({ limit: 'max-msg-per-hour', window: 'w1', ...quote });
    s.now += HOUR;
    answered(match({ rule: rule('stop', { suspend: true }) }), '00-0000000020');
    const stopped = { limit: 'window', window: 'w2', replied: s.now, message: '00-0000000020' };
    expect(s.governor.explain(HOT, {}, s.now).verdict.because).toContainEqual(expect.objectContaining(stopped));
    // A refused greeting is nobody's.
    s.governor.lift('w2', 'operator:eve', undefined, s.now);
    s.now += MINUTE;
    s.governor.connectFailed(s.connect(HOT), match({ rule: slow, phase: 'greeting', class: 'throttle.rate' }), 1, s.now);
    const [extended] = s.governor.windows(s.now);
    expect(extended).toMatchObject({ id: 'w1', hits: 2, replied: s.now });
    expect(extended).not.toHaveProperty('message');
    expect(s.journal.at(-1)).not.toHaveProperty('message');
  });

  it('can be lifted by id, with who and why', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('stop', { suspend: true }) }));
    s.woken.length = 0;
    s.governor.lift('w1', 'operator:eve', 'talked to them', s.now);
    expect(s.journal.at(-1)).toMatchObject({
      type: 'window-lifted',
      author: 'operator:eve',
      text: 'window w1 lifted: talked to them',
      window: 'w1',
    });
    expect(s.woken).toEqual(['hot/alpha']);
    s.go(HOT);
    expect(() => s.governor.lift('w1', 'operator:eve', undefined, s.now)).toThrow('there is no window w1 in force');
  });
});

describe('a trigger', () => {
  it('counts over its own period, not over the window', () => {
    const s = stand();
    const rare = rule('rare', { trigger: { count: 3, per: HOUR }, window: 10 * HOUR, maxMsgPerHour: 60 });
    for (let i = 0; i < 6; i++, s.now += 40 * MINUTE) s.send(HOT, match({ rule: rare }));
    expect(s.governor.windows(s.now)).toEqual([]);
    for (let i = 0; i < 3; i++, s.now += 10 * MINUTE) s.send(HOT, match({ rule: rare }));
    expect(s.governor.windows(s.now).length).toBe(1);
  });

  it('counts each lane for itself', () => {
    const s = stand();
    const pair = rule('pair', { trigger: { count: 2, per: HOUR }, maxMsgPerHour: 60 });
    s.send(HOT, match({ rule: pair }));
    s.send(elsewhere, match({ rule: pair }));
    expect(s.governor.windows(s.now)).toEqual([]);
  });
});

describe('scopes', () => {
  it('source: binds the sum of its lanes and no other source', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('ip', { scope: 'source', maxMsgPerHour: 30 }) }));
    expect(s.go(other, 99).slots).toBe(29);
    expect(s.ask(HOT).go).toBe(false);
    expect(s.go(elsewhere, 99).slots).toBe(99);
  });

  it('provider: binds each of its lanes and no other provider', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('ill', { scope: 'provider', maxMsgPerHour: 30 }) }));
    expect(s.go(elsewhere, 99).slots).toBe(30);
    expect(s.go(HOT, 99).slots).toBe(29);
    expect(s.go(other, 99).slots).toBe(99);
    // A lane made later is bound too.
    const later = new Stand({ sources: two, defaults: burst });
    later.send(HOT, match({ rule: rule('ill', { scope: 'provider', suspend: true }) }));
    expect(later.ask(elsewhere).go).toBe(false);
  });

  it('sender-domain and recipient-domain: bind that mail, never the lane', () => {
    const s = stand();
    s.send(HOT, match({ rule: rule('dom', { scope: 'sender-domain', suspend: true }) }));
    s.send(other, match({ rule: rule('rcpt', { scope: 'recipient-domain', maxMsgPerHour: 5 }) }));
    const held = s.ask(HOT, 1, { senderDomain: 'SENDER.test' });
    expect(!held.go && held.because()[0]).toMatchObject({ scope: 'sender-domain', limit: 'window' });
    expect(s.ask(elsewhere, 1).go).toBe(false);
    s.go(HOT, 1, { senderDomain: 'clean.test' });
    s.go(other, 1, { senderDomain: 'sender.test', recipientDomain: 'free.test' });
    // A domain's mail is counted from its window on, hence always paced.
    expect(s.go(other, 99).slots).toBe(2);
    expect(s.ask(other).go).toBe(false);
    expect(s.governor.laneStatus(HOT, s.now)).toMatchObject({ maxMsgPerHour: Infinity, windows: [] });
    expect(s.governor.explain(HOT, {}, s.now).verdict.go).toBe(true);
  });

  it('recipient and connection: open no window and touch no concurrency', () => {
    const s = stand();
    const id = s.connect(HOT);
    s.governor.connected(id, s.now);
    s.send(HOT);
    s.send(HOT, match({ rule: rule('box', { scope: 'recipient', class: 'throttle.recipient', suspend: true }) }));
    s.send(HOT, match({ rule: rule('conn', { scope: 'connection', class: 'throttle.per-connection', suspend: true }) }));
    s.send(HOT, match({ rule: rule('odd', { scope: 'recipient', class: 'block.ip', suspend: true }) }));
    expect(s.governor.windows(s.now)).toEqual([]);
    expect(s.governor.laneStatus(HOT, s.now).maxSmtpOut).toBe(2);
    s.go(HOT);
  });
});

describe('recovery', () => {
  const window = (more: object) => ({ until: 0, recoverUntil: 4000, suspend: false, maxMsgPerHour: 100, ...more }) as never;

  it('returns to a finite limit in steps, by time', () => {
    const at = [-1, 0, 999, 1000, 2000, 3000, 3999, 4000].map(t => valueAt(window({}), 'maxMsgPerHour', 600, t));
    expect(at).toEqual([100, 200, 200, 300, 400, 500, 500, Infinity]);
  });

  it('doubles every quarter where normal is unlimited; from 12/h and one connection after a suspension', () => {
    const steps = (w: never, key: 'maxMsgPerHour' | 'maxSmtpOut') =>
      Array.from({ length: STEPS }, (_, i) => valueAt(w, key, Infinity, i * 1000));
    expect(steps(window({}), 'maxMsgPerHour')).toEqual([200, 400, 800, 1600]);
    expect(steps(window({ suspend: true, maxMsgPerHour: undefined }), 'maxMsgPerHour')).toEqual([24, 48, 96, 192]);
    expect(steps(window({ suspend: true }), 'maxSmtpOut')).toEqual([2, 4, 8, 16]);
    expect(valueAt(window({ suspend: true }), 'maxMsgPerHour', 600, -1)).toBe(0);
  });

  it('wakes waiters at the step that lets them go', () => {
    const s = stand({ providers: [provider('alpha', { maxMsgPerHour: 100 })], defaults: burst });
    for (let i = 0; i < 30; i++) s.send(HOT);
    s.now += MINUTE;
    s.send(HOT, match({ rule: rule('slow', { window: 10 * MINUTE, recover: 20 * MINUTE, maxMsgPerHour: 10 }) }));
    // 31 used. 10/h for 10 min, then 28, 46, …: the second step, 5 minutes into the recovery, lets the next go.
    expect(s.ask(HOT)).toMatchObject({ go: false, until: T0 + 16 * MINUTE });
    s.now = T0 + 16 * MINUTE;
    expect(s.go(HOT, 99).slots).toBe(15);
  });

  it('starts over with a new match, at the values it ended with', () => {
    const s = stand();
    const slow = rule('slow', { window: HOUR, recover: HOUR, maxMsgPerHour: 1000 });
    s.send(HOT, match({ rule: slow }));
    s.now += 1;
    s.send(HOT, match({ rule: slow }));
    s.now += 90 * MINUTE;
    expect(s.governor.laneStatus(HOT, s.now).maxMsgPerHour).toBe(4000);
    s.send(HOT, match({ rule: slow }));
    expect(s.governor.windows(s.now)).toMatchObject([
      { id: 'w1', hits: 3, maxMsgPerHour: 500, until: s.now + HOUR, recoverUntil: s.now + 2 * HOUR },
    ]);
    expect(s.governor.laneStatus(HOT, s.now).maxMsgPerHour).toBe(500);
  });
});

describe('limits a window lays on connections', () => {
  it('are part of what connections must observe, and close those above', () => {
    const s = stand({ defaults: { maxSmtpOut: 3, maxMsgPerConnection: 100, ...burst } });
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(s.connect(HOT));
      s.governor.connected(ids[i] as number, s.now);
      for (let n = 0; n < 3; n++) s.send(HOT);
    }
    s.now += 1;
    s.send(HOT, match({ class: 'content', rule: rule('one', { class: 'content', maxSmtpOut: 1, maxMsgPerConnection: 5, recover: 0 }) }));
    expect(s.governor.laneLimits(HOT).maxMsgPerConnection).toBe(5);
    expect(ids.map(id => s.governor.shouldClose(HOT, id, s.now))).toEqual([false, true, true]);
    s.go(HOT);
    const verdict = s.ask(HOT);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-smtp-out', window: 'w1', value: 1, used: 1 });
  });

  it('spread a connect rate over the hour', () => {
    const s = stand({ defaults: { maxSmtpOut: 99, ...burst } });
    s.send(HOT, match({ class: 'content', rule: rule('few', { class: 'content', maxConnectRate: 120 }) }));
    for (let i = 0; i < 2; i++) s.governor.disconnected(s.connect(HOT), s.now);
    const verdict = s.governor.mayConnect(HOT, s.now);
    expect(verdict).toMatchObject({ go: false, until: T0 + MINUTE });
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'max-connect-rate', value: 2, used: 2, window: 'w1' });
  });
});
