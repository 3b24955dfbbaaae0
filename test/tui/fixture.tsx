/** Models for tests: a daemon with a source in every state, two windows and a feed; and its frames through Ink. */
import { renderToString } from 'ink';
import type { FeedView, StatusView } from '../../src/control/view.js';
import { startModel, type Model, type Size } from '../../src/tui/model.js';
import { Screen } from '../../src/tui/screen.js';
import type { Key } from '../../src/tui/keys.js';
import { update, type Message } from '../../src/tui/update.js';
import { feedLine, lane, queue, source, status, window } from '../control/fake-operations.js';

export const SMALL: Size = { columns: 80, rows: 24 };
export const WIDE: Size = { columns: 140, rows: 40 };

const REPLY =
  '451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com';

export const fullStatus = (change: Partial<StatusView> = {}): StatusView =>
  status({
    sources: [
      source({ state: 'backing-off' }),
      source({ name: 'cold-2', address: '203.0.113.22', stage: 1, maxMsgPerHour: 20, attemptsLastHour: 20, earned: false, waiting: 0 }),
      source({ name: 'cold-3', address: '203.0.113.23', state: 'holding', stage: 27, maxMsgPerHour: 9_120, attemptsLastHour: 4_000 }),
      source({ name: 'cold-4', address: '203.0.113.24', state: 'suspended', stage: 3, maxMsgPerHour: 0, attemptsLastHour: 0 }),
      source({
        name: 'hot-1',
        address: '192.0.2.10',
        state: 'warm',
        schedule: null,
        stage: null,
        stages: null,
        maxMsgPerHour: null,
        attemptsLastHour: 18_400,
        deliveredToday: 140_233,
        deferredToday: 1_204,
        bouncedToday: 311,
        maxMsgPerDay: null,
        earned: null,
        nextTick: null,
      }),
      source({
        name: 'hot-2',
        address: '192.0.2.11',
        state: 'paused',
        schedule: null,
        stage: null,
        stages: null,
        earned: null,
        nextTick: null,
      }),
    ],
    lanes: [
      lane(),
      lane({
        provider: 'google',
        connections: 2,
        maxSmtpOut: 20,
        maxMsgPerHour: 412,
        attemptsLastHour: 240,
        waiting: 0,
        windows: [],
        verdict: { go: true, until: null, because: [] },
      }),
      lane({
        provider: 'yahoo',
        connections: 0,
        maxSmtpOut: null,
        maxMsgPerHour: 412,
        attemptsLastHour: 87,
        waiting: 77,
        windows: [],
        verdict: {
          go: false,
          until: null,
          because: [{ limit: 'paused', value: null, used: null, from: 'operator:ann: maintenance', until: null }],
        },
      }),
      lane({ source: 'hot-1', provider: 'google', windows: [] }),
    ],
    queues: [queue()],
    windows: [
      window({ reply: REPLY }),
      window({
        id: 'w18',
        source: null,
        provider: 'google',
        scope: 'provider',
        rule: 'google/rate',
        until: '2026-03-02T13:50:00.000Z',
        suspend: false,
        maxSmtpOut: null,
        maxMsgPerHour: 1_200,
        hits: 1,
        reply: '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail',
      }),
    ],
    ...change,
  });

export const fullFeed: readonly FeedView[] = [
  feedLine(1, { time: '2026-03-01T04:00:00.000Z', type: 'stage-advanced', author: 'tick', text: 'cold-1 advances to stage 8/28, 412/h' }),
  feedLine(2, {
    time: '2026-03-02T09:12:44.000Z',
    type: 'paused',
    source: 'hot-2',
    author: 'operator:ann',
    text: 'source hot-2 paused: new address',
  }),
  feedLine(3, { time: '2026-03-02T12:33:00.000Z', text: 'window w17 for 90m: 1 connection, 60/h', reply: REPLY }),
  { id: 4, time: '2026-03-02T13:40:02.000Z', type: 'reloaded', author: 'operator:ann', text: 'rampd.yaml is in force' },
];

/** The model after these messages. */
export const after = (model: Model, ...messages: readonly Message[]): Model =>
  messages.reduce((m, message) => update(m, message).model, model);

export const key = (name: string): Message => {
  const named = name.length > 1;
  return { type: 'key', key: (named ? { name } : { name: 'char', char: name }) as Key };
};
export const keys = (...names: readonly string[]): Message[] => names.map(key);

export const running = (size: Size, change: Partial<StatusView> = {}): Model =>
  after(startModel(size, { zone: 'UTC' }), { type: 'status', status: fullStatus(change) }, { type: 'feed', lines: fullFeed });

/** The screen as Ink draws it, styles included. */
export const drawn = (model: Model): string => renderToString(<Screen model={model} />, { columns: model.size.columns });

export const bare = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '');
