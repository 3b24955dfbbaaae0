/** The watch: silence is told when mail is due, says why, and a plan that is kept is no alert. */
import { beforeEach, describe, expect, it } from 'vitest';
import { DeliveryWatch } from '../../src/daemon/delivery-watch.js';
import type { AttemptRecord } from '../../src/kernel/accounting.js';
import type { AlertSettings } from '../../src/kernel/telling.js';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import type { Reason } from '../../src/kernel/verdict.js';
import type { Alert } from '../../src/outcome/alert.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.parse('2023-11-20T12:00:00Z');
let clock: ManualClock;
let told: Alert[];
let queues: { id: number; pool: string; domain: string; waiting: number; nextDue: number | null }[];
let places: Map<number, { place: string; provider?: string; trouble?: string }>;
let reason: Reason | undefined;
let room: 'ok' | 'full';
let watch: DeliveryWatch;

beforeEach(() => {
  clock = createManualClock(START);
  told = [];
  queues = [{ id: 1, pool: 'main', domain: 'a.example', waiting: 7, nextDue: START }];
  places = new Map([[1, { place: 'ready', provider: 'microsoft' }]]);
  reason = { limit: 'paused', scope: 'source', value: null, used: null, from: 'operator:ann', until: null };
  room = 'ok';
  const wish = { name: 'a', nothingFor: 30 * MINUTE } as AlertSettings;
  watch = new DeliveryWatch({
    clock,
    settings: () =>
      ({ pools: new Map([['main', { sources: [{ source: 'cold-1', weight: 1 }] }]]), sources: new Map([['cold-1', {}]]) }) as never,
    governor: { explain: () => ({ verdict: { go: !reason, until: null, because: reason ? [reason] : [] }, without: null }) } as never,
    store: { queues: () => queues, room: () => room } as never,
    backlog: { waiting: places } as never,
    alerts: { wanted: () => [wish], tell: alert => void told.push(alert) },
  });
  watch.start();
});

const attempt = (type: 'd' | 't', more: Partial<AttemptRecord> = {}): AttemptRecord =>
  ({ type, logged: clock.now(), pool: 'main', source: 'cold-1', destinationIp: '192.0.2.1', diag: '451 later', ...more }) as AttemptRecord;

describe('a pool', () => {
  it('with due mail and no delivery is told after its time, with the reason, and again after an hour', () => {
    clock.advance(30 * MINUTE);
    expect(told).toEqual([]);
    clock.advance(MINUTE);
    expect(told).toMatchObject([
      {
        kind: 'nothing-delivered',
        pool: 'main',
        text: 'nothing was delivered from pool main for 30m, and mail for 1 domain is due',
        because: [expect.stringMatching(/^cold-1\/microsoft: paused.*operator:ann/) as string],
      },
    ]);
    clock.advance(58 * MINUTE);
    expect(told).toHaveLength(1);
    clock.advance(3 * MINUTE);
    expect(told).toHaveLength(2);
  });

  it('that delivers now and then is not', () => {
    for (let i = 0; i < 10; i++) {
      clock.advance(20 * MINUTE);
      watch.note(attempt('d'));
    }
    expect(told).toEqual([]);
  });

  it('is not when nothing is due, or a person paused it', () => {
    queues[0] = { id: 1, pool: 'main', domain: 'a.example', waiting: 7, nextDue: START + 5 * HOUR };
    clock.advance(2 * HOUR);
    queues[0] = { id: 1, pool: 'main', domain: 'a.example', waiting: 7, nextDue: START };
    places.set(1, { place: 'stuck' });
    clock.advance(2 * HOUR);
    expect(told).toEqual([]);
  });

  it('is not when its lanes have had their day, unless a queue has a trouble of its own', () => {
    reason = { limit: 'max-msg-per-day', scope: 'lane', value: 200, used: 200, from: 'x', until: null };
    clock.advance(2 * HOUR);
    expect(told).toEqual([]);
    places.set(1, { place: 'ready', provider: 'microsoft', trouble: 'no MX answers' });
    clock.advance(MINUTE);
    expect(told[0]?.because).toContain('a.example: no MX answers');
  });
});

describe('a source', () => {
  it('that is tried and delivers nothing is told, with the last reply; a delivery ends it', () => {
    queues = [];
    for (let i = 0; i < 35; i++) {
      watch.note(attempt('t'));
      clock.advance(MINUTE);
    }
    expect(told).toMatchObject([{ kind: 'nothing-delivered', source: 'cold-1', reply: '451 later' }]);
    watch.note(attempt('d'));
    clock.advance(3 * HOUR);
    expect(told).toHaveLength(1);
  });

  it('that is no longer tried is not told again; one that is, each hour', () => {
    queues = [];
    for (let i = 0; i < 5; i++) watch.note(attempt('t'));
    clock.advance(5 * HOUR);
    expect(told).toHaveLength(1);
    for (let i = 0; i < 3; i++) {
      watch.note(attempt('t'));
      clock.advance(HOUR);
    }
    expect(told).toHaveLength(4);
  });

  it('is not for a few failures', () => {
    queues = [];
    for (let i = 0; i < 4; i++) watch.note(attempt('t'));
    clock.advance(3 * HOUR);
    expect(told).toEqual([]);
  });
});

it('a full disk is told at once and hourly, and anew after there was room', () => {
  queues = [];
  room = 'full';
  clock.advance(50 * MINUTE);
  expect(told.map(a => a.kind)).toEqual(['disk-full']);
  room = 'ok';
  clock.advance(MINUTE);
  room = 'full';
  clock.advance(MINUTE);
  expect(told).toHaveLength(2);
});
