import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsView } from '../../src/control/settings-view.js';
import * as views from '../../src/control/views.js';
import type { Place } from '../../src/kernel/fault.js';
import type { LaneStatus, SourceStatus, WindowState } from '../../src/kernel/governor.js';
import type { Settings } from '../../src/kernel/settings.js';
import type { Reason } from '../../src/kernel/verdict.js';

const T = Date.parse('2026-03-02T13:00:00.000Z');
const iso = views.isoWith(0);
const reason: Reason = {
  limit: 'max-msg-per-hour',
  scope: 'lane',
  value: 60,
  used: 60,
  from: 'a.yaml:1:2',
  window: 'w1',
  reply: '421 \x1b[2Jno',
  until: T,
};

describe('instants', () => {
  it('are shown by the wall clock that belongs to them', () => {
    expect(views.isoWith(3_600_000)(T)).toBe('2026-03-02T14:00:00.000Z');
  });

  it('never throw, however far away', () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), fc.integer(), (t, offset) => views.isoWith(offset)(t).endsWith('Z')));
  });
});

describe('views', () => {
  it('of a reason: printable, null where there is no end', () => {
    expect(views.reasonView(reason, iso)).toEqual({
      limit: 'max-msg-per-hour',
      value: 60,
      used: 60,
      from: 'a.yaml:1:2',
      window: 'w1',
      reply: '421  [2Jno',
      until: '2026-03-02T13:00:00.000Z',
    });
    const { window: _, reply: __, ...bare } = reason;
    expect(views.reasonView({ ...bare, value: Infinity, until: null }, iso)).toMatchObject({ value: null, until: null });
    expect(Object.keys(views.reasonView(bare, iso))).not.toContain('window');
  });

  it('of a lane and a source: Infinity is null', () => {
    const status: LaneStatus = {
      lane: { source: 'a', provider: 'b' },
      connections: 2,
      maxSmtpOut: Infinity,
      maxMsgPerHour: 60,
      attemptsLastHour: 3,
      windows: ['w1'],
    };
    expect(views.laneView(status, { go: false, until: T, because: [reason] }, 7, iso)).toMatchObject({
      source: 'a',
      provider: 'b',
      maxSmtpOut: null,
      maxMsgPerHour: 60,
      waiting: 7,
      verdict: { go: false, until: '2026-03-02T13:00:00.000Z' },
    });
    const source: SourceStatus = {
      name: 'a',
      state: 'warm',
      maxMsgPerHour: Infinity,
      maxMsgPerDay: Infinity,
      attemptsLastHour: 1,
      attemptsToday: 2,
      deliveredToday: 1,
      deferredToday: 1,
      bouncedToday: 0,
      complaints: 0,
      dayStart: T,
      because: [],
    };
    expect(views.sourceView(source, { address: '192.0.2.1', hostName: 'h' }, { waiting: 9, nextTick: null }, iso)).toMatchObject({
      schedule: null,
      stage: null,
      maxMsgPerHour: null,
      maxMsgPerDay: null,
      earned: null,
      cannotEarn: null,
      nextTick: null,
      waiting: 9,
    });
    const stuck = { ...source, stage: 3, stages: 28, unearnable: { stage: 12, needs: 1_640, have: 410 } };
    expect(views.sourceView(stuck, { address: '', hostName: '' }, { waiting: 0, nextTick: null }, iso).cannotEarn).toBe(
      'its volume cannot earn stage 12/28: it needs 1,640 recipients a day, the best of the last seven days had 410',
    );
    expect(
      JSON.stringify(views.sourceView({ ...source, earned: false }, { address: '', hostName: '' }, { waiting: 0, nextTick: T }, iso)),
    ).toContain('"earned":false');
  });

  it('of a window', () => {
    const window: WindowState = {
      id: 'w1',
      rule: 'r',
      from: 'a.yaml:1:2',
      scope: 'lane',
      address: '192.0.2.1',
      opened: T,
      until: T + 1,
      recoverUntil: T + 2,
      tightened: T,
      hits: 1,
      suspend: true,
      warmUp: 'hold',
      reply: 'no\nno',
    };
    expect(views.windowView(window, null, iso)).toMatchObject({
      source: null,
      provider: null,
      maxSmtpOut: null,
      maxMsgPerHour: null,
      reply: 'no no',
    });
  });

  it('of a message', () => {
    const envelope = { sender: 'a@x', pool: 'p', warmUp: 'allow', accepted: T, client: 'c', job: 'j' } as const;
    const last = { at: T, class: 'greylist', reply: '450 \x07wait', source: 's', host: 'h' } as const;
    const view = views.messageView(
      { node: 0, number: 31, envelope, bytes: 12 },
      [{ state: { address: 'b@y', attempts: 1, last }, queue: 'y@p', due: T }],
      iso,
    );
    expect(view).toMatchObject({ id: '00-000000001f', sender: 'a@x', job: 'j', bytes: 12 });
    expect(view.recipients[0]?.last).toEqual({
      time: '2026-03-02T13:00:00.000Z',
      class: 'greylist',
      reply: '450  wait',
      source: 's',
      host: 'h',
    });
  });

  it('of a journal record leave out its state', () => {
    const record = { id: 1, at: T, time: 'x', type: 'paused', author: 'operator:ann', text: 't', state: { a: 1 }, cause: 4 } as const;
    expect(views.feedView(record)).toEqual({ id: 1, time: 'x', type: 'paused', author: 'operator:ann', text: 't', cause: 4 });
  });
});

describe('why in a sentence', () => {
  const lane = (name: string, until: string | null, go = false) => ({
    lane: name,
    without: null,
    verdict: { go, until, because: go ? [] : [{ limit: `limit-${name}`, value: null, used: null, from: 'f', until }] },
  });

  it.each([
    ['a/b', [lane('a/b', null, true)], undefined, 'a/b goes now'],
    ['m', [lane('a/b', null, true), lane('a/c', null)], undefined, 'm goes now on 1 of 2 lanes'],
    ['a/b', [lane('a/b', '2026-01-01T00:00:00Z')], undefined, 'a/b waits: limit-a/b (f)'],
    [
      'm',
      [lane('a/b', null), lane('a/c', '2026-01-02T00:00:00Z'), lane('a/d', '2026-01-01T00:00:00Z')],
      undefined,
      'm waits, first for a/d: limit-a/d (f)',
    ],
    ['m', [lane('a/b', null, true)], 'its queue is paused', 'm waits: its queue is paused'],
    ['a', [], undefined, 'a has no lane in use'],
  ])('%s', (name, lanes, elsewhere, text) => {
    expect(views.whySummary(name, lanes, elsewhere)).toBe(text);
  });
});

describe('settings', () => {
  const from: Place = { file: 'rampd.yaml', line: 3, col: 5 };

  it('become plain JSON with places, and keep no password', () => {
    const view = settingsView({
      file: 'rampd.yaml',
      maxBacklog: Infinity,
      clients: [{ from: [], user: 'app', password: 'secret-1', pool: 'p', allowHeaders: false, place: from }],
      sources: new Map([['password', { name: 'password', limits: { maxSmtpOut: { value: 3, from } } }]]),
      // The shape of every other key is of no concern here.
    } as unknown as Settings);
    expect(view).toEqual({
      file: 'rampd.yaml',
      maxBacklog: 'unlimited',
      clients: [{ from: [], user: 'app', pool: 'p', allowHeaders: false, place: 'rampd.yaml:3:5' }],
      sources: { password: { name: 'password', limits: { maxSmtpOut: { value: 3, from: 'rampd.yaml:3:5' } } } },
    });
    expect(JSON.stringify(view)).not.toContain('secret-1');
  });
});
