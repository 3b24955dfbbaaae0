/** Why a message waits: what keeps its recipients back by themselves, and what would be without that. */
import { describe, expect, it } from 'vitest';
import type { WhyView } from '../../src/control/why-view.js';
import { isoWith, messageView } from '../../src/control/views.js';
import { whyMessage } from '../../src/daemon/why-message.js';
import { whyOf } from '../../src/daemon/why.js';
import { laneWhy, type WhyParts } from '../../src/daemon/why-lane.js';
import type { Envelope, QueuedRecipient, RecipientState } from '../../src/kernel/message.js';
import type { Trouble } from '../../src/deliver/host-memory.js';
import type { Settings } from '../../src/kernel/settings.js';
import type { LaneName } from '../../src/kernel/verdict.js';
import { HOUR, limits, match, MINUTE, rule, schedule, settings, source, Stand, T0 } from '../govern/ground.js';

const ID = '00-000000001f';
const from = { file: 'rampd.yaml', line: 12, col: 3 };
const iso = isoWith(0);

interface Words {
  readonly state?: Partial<RecipientState>;
  readonly due?: number;
  readonly note?: string;
  readonly holdUntil?: number;
  readonly provider?: string | null;
  readonly dead?: number;
  readonly withheld?: boolean;
  readonly ahead?: number;
  readonly expiring?: boolean;
  readonly troubles?: readonly Trouble[];
}

function ground(): Stand {
  const base = settings({
    sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.9', {}, { schedule: 'ramp', stage: 1, from })],
    schedules: [schedule('ramp', [10, 20])],
    defaults: { pacing: 'burst' },
  });
  const pool = {
    name: 'main',
    sources: ['hot', 'cold'].map(s => ({ source: s, weight: 1 })),
    coldWait: HOUR,
    stickyFor: HOUR,
    warmUp: 'allow',
    from,
  };
  const all = {
    ...base,
    defaults: { ...base.defaults, ...limits({ retryAfter: [MINUTE] }, 'retry.yaml') },
    pools: new Map([['main', pool]]),
  };
  return new Stand(all as Settings);
}

function partsOf(s: Stand, words: Words = {}): WhyParts {
  const state: RecipientState = { address: 'r@alpha.test', attempts: 0, ...words.state };
  const row: QueuedRecipient = {
    message: 31,
    index: 0,
    due: words.due ?? T0,
    accepted: T0 - HOUR,
    size: 100,
    sender: 'a@sender.test',
    state,
    body: { segment: 1, offset: 0, length: 1 },
  };
  const queue = { id: 7, pool: 'main', domain: 'alpha.test', warmUp: 'allow', dueCountUpTo: () => words.ahead ?? 0 };
  const lanes = ['hot', 'cold'].map(() => ({
    deadSites: new Map([['mx', { failures: 1, until: words.dead ?? 0, reply: 'connection refused' }]]),
    siteRests: (_: string, now: number) => (words.dead ?? 0) > now,
  }));
  const waiting = {
    queue,
    provider: words.provider === null ? undefined : 'alpha',
    note: words.note,
    holdUntil: words.holdUntil ?? 0,
    site: { key: 'mx', group: { lanes } },
  };
  const envelope: Envelope = { sender: row.sender, pool: 'main', warmUp: 'allow', accepted: row.accepted, client: 'c' };
  const view = messageView({ node: 0, number: 31, envelope, bytes: 100 }, [{ state, queue: 'alpha.test@main', due: row.due }], iso);
  // Only what `why` touches of them.
  return {
    clock: { now: () => s.now, wall: () => s.now },
    settings: () => s.settings,
    governor: s.governor,
    dispatcher: { backlog: { waiting: new Map([[7, waiting]]) }, lanes: { all: new Map() }, withholds: () => words.withheld ?? false },
    mailroom: { message: async () => ({ view, rows: [{ row, queue }] }) },
    iso,
    memory: { troubles: () => words.troubles ?? [] },
    laneNames: () => [],
    waiting: () => 0,
    sources: [],
    windows: [],
    forecasts: { sentence: (pool: string) => (words.expiring ? `${pool} loses some` : undefined) },
  } as unknown as WhyParts;
}

const why = (s: Stand, words?: Words): Promise<WhyView> => whyMessage(ID, 31, partsOf(s, words));

describe('a message', () => {
  it('that nothing keeps back goes, with all its lanes', async () => {
    const told = await why(ground());
    expect(told).toMatchObject({ what: 'message', summary: `${ID} goes now on 2 of 2 lanes` });
    expect(told.lanes.map(l => l.lane)).toEqual(['hot/alpha', 'cold/alpha']);
    expect(told).not.toHaveProperty('holds');
    expect(told).not.toHaveProperty('ahead');
    expect(told).not.toHaveProperty('forecast');
    expect(await why(ground(), { expiring: true })).toMatchObject({ forecast: ['main loses some'] });
  });

  it('names hosts that are not used as others are', async () => {
    const trouble = { host: 'mx', address: '192.0.2.7', until: T0 + HOUR, why: 'no\u001b[31m answer', kind: 'unreachable' as const };
    const told = await why(ground(), { troubles: [trouble] });
    expect(told.lanes[0]?.hosts).toEqual([{ ...trouble, until: iso(T0 + HOUR), why: 'no [31m answer' }]);
  });

  it('waits for its next attempt: the reply, its time and message, the place of the interval, and what would be without', async () => {
    const last = { at: T0 - MINUTE, class: 'transient' as const, reply: '450 4.2.1 busy', source: 'hot', host: 'mx' };
    const told = await why(ground(), { due: T0 + MINUTE, state: { attempts: 1, last }, ahead: 5 });
    expect(told.summary).toBe(`${ID} waits: it is due again at ${iso(T0 + MINUTE)}; attempt 1 was answered "450 4.2.1 busy"`);
    expect(told.ahead).toBe(5);
    expect(told.holds).toEqual([
      {
        what: 'r@alpha.test',
        until: iso(T0 + MINUTE),
        because: [
          {
            limit: 'retry-after',
            value: null,
            used: 1,
            from: 'retry.yaml:1:1',
            reply: '450 4.2.1 busy',
            replied: iso(T0 - MINUTE),
            message: ID,
            until: iso(T0 + MINUTE),
          },
        ],
        without: iso(T0),
      },
    ]);
  });

  it('keeps every cause, what a person must end first, and reckons with the lanes', async () => {
    const s = ground();
    s.governor.pause({ kind: 'queue', name: 'alpha.test@main' }, 'operator:eve', 'spam?', s.now);
    for (const name of ['hot', 'cold'])
      s.send({ source: name, provider: 'alpha' }, match({ rule: rule('stop', { window: 3 * HOUR, suspend: true }) }));
    const { holds, summary } = await why(s, { due: T0 + MINUTE, dead: T0 + HOUR });
    expect(summary).toBe(`${ID} waits: its queue alpha.test@main is paused (operator:eve: spam?)`);
    expect(holds?.[0]?.because.map(b => b.limit)).toEqual(['paused', 'mx-hosts', 'retry-after']);
    expect(holds?.[0]).toMatchObject({ until: null, without: iso(T0 + 3 * HOUR) });
    s.governor.lift('w2', 'operator:eve', undefined, s.now);
    expect((await why(s, { due: T0 + MINUTE, dead: T0 + HOUR })).holds?.[0]?.without).toBe(iso(T0 + HOUR));
  });

  it('without a route says until when, and that no lane is known', async () => {
    const told = await why(ground(), { note: 'no route yet: SERVFAIL', holdUntil: T0 + HOUR, provider: null });
    expect(told).toMatchObject({ summary: `${ID} waits: no route yet: SERVFAIL`, lanes: [] });
    expect(told.holds?.[0]).toMatchObject({ until: iso(T0 + HOUR), because: [{ limit: 'route' }], without: null });
  });

  it('left to cold sources says so, and when it would leave otherwise; not when a cold one goes now', async () => {
    const s = ground();
    expect(await why(s, { withheld: true })).not.toHaveProperty('holds');
    s.send({ source: 'cold', provider: 'alpha' }, match(), 10);
    expect((await why(s, { withheld: true })).holds).toMatchObject([
      { until: null, because: [{ limit: 'cold-wait', from: 'rampd.yaml:12:3' }], without: iso(T0) },
    ]);
    expect(await why(s, { withheld: false })).not.toHaveProperty('holds');
  });

  it('that a source greylisted waits for that one, while others go', async () => {
    const s = ground();
    s.send({ source: 'cold', provider: 'alpha' }, match(), 10);
    const state = { stick: { source: 'cold', until: T0 + 2 * HOUR } };
    const { holds, summary } = await why(s, { state });
    expect(summary).toBe(`${ID} waits: it goes back to cold, which greylisted it`);
    expect(holds).toMatchObject([{ because: [{ limit: 'sticky-for', from: 'cold, rampd.yaml:12:3' }], without: iso(T0) }]);
    s.now += HOUR + 1;
    expect(await why(s, { state })).not.toHaveProperty('holds');
  });
});

describe('a source without lanes', () => {
  it('tells what keeps it itself', async () => {
    const s = ground();
    s.governor.pause({ kind: 'source', name: 'cold' }, 'operator:eve', undefined, s.now);
    const view = {
      name: 'cold',
      state: 'paused',
      because: [{ limit: 'paused', value: null, used: null, from: 'operator:eve', until: null }],
    };
    const parts = { ...partsOf(s), sources: [view] } as unknown as WhyParts;
    expect(await whyOf('cold', parts)).toMatchObject({
      summary: 'cold is paused; paused by a person (operator:eve)',
      holds: [{ what: 'cold', until: null, without: iso(T0) }],
    });
  });
});

describe('a lane', () => {
  it('that goes says how much waits there all the same, unless one recipient is asked about', () => {
    const lane = { source: 'hot', provider: 'alpha' };
    const waiting = ({ source }: LaneName) => (source === 'hot' ? 7 : 0);
    const parts: WhyParts = { ...partsOf(ground()), waiting };
    expect(laneWhy(lane, {}, parts)).toMatchObject({ verdict: { go: true }, waiting: 7 });
    expect(laneWhy(lane, { recipientDomain: 'alpha.test' }, parts)).not.toHaveProperty('waiting');
    expect(laneWhy({ ...lane, source: 'cold' }, {}, parts)).not.toHaveProperty('waiting');
  });
});
