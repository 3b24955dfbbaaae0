/** Whatever remote hosts, senders and people put into names and replies, nothing but printable lines reaches a terminal. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonText } from '../../src/control/json-text.js';
import { page, textWidth, type Screen } from '../../src/control/page.js';
import * as render from '../../src/control/render.js';
import { renderWhy } from '../../src/control/render-why.js';
import { reasonText } from '../../src/control/reason-text.js';
import { FakeOperations, feedLine, lane, message, NOW, queue, source, status, why, window } from './fake-operations.js';

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('\x1b[2J', '\x1b]0;title\x07', '\r', '\n', '\x9b31m', '\u202e', '\u2028', '\0', '\b', 'text'),
      fc.string({ unit: 'binary' }),
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map(parts => parts.join(''));

/** The value with every string in it followed by `text`. */
function poisoned<T>(value: T, text: string): T {
  if (typeof value === 'string') return `${value}${text}` as T;
  if (Array.isArray(value)) return value.map(inner => poisoned(inner, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  // Times are made by the daemon from numbers.
  const times = new Set(['now', 'time', 'until', 'opened', 'recoverUntil', 'oldest', 'nextDue', 'nextTick', 'due', 'accepted', 'without']);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, times.has(key) ? inner : poisoned(inner, text)])) as T;
}

const operations = new FakeOperations();
const VIEWS: readonly (readonly [string, (text: string, screen: Screen) => string])[] = [
  ['status', (text, screen) => render.renderStatus(poisoned(status(), text), screen)],
  ['sources', (text, screen) => render.renderSources([poisoned(source({ because: lane().verdict.because }), text)], screen)],
  ['lanes', (text, screen) => render.renderLanes([poisoned(lane(), text)], screen)],
  ['queues', (text, screen) => render.renderQueues([poisoned(queue({ note: 'x' }), text)], screen)],
  ['windows', (text, screen) => render.renderWindows([poisoned(window({ subject: 'x' }), text)], screen)],
  ['messages', (text, screen) => render.renderMessages([poisoned(message(), text)], screen)],
  ['providers', (text, screen) => render.renderProviders(poisoned(operations.providers(), text), screen)],
  ['schedules', (text, screen) => render.renderSchedules(poisoned(operations.schedules(), text), screen)],
  ['why', (text, screen) => renderWhy(poisoned(why({ message: message(), source: source() }), text), screen)],
  ['feed', (text, screen) => render.renderFeedLine(poisoned(feedLine(1, { reply: 'x' }), text), screen)],
  [
    'reason',
    text =>
      lane()
        .verdict.because.map(reason => reasonText(poisoned(reason, text)))
        .join('\n'),
  ],
  ['json', text => jsonText(poisoned(status(), text))],
];

describe('text from elsewhere', () => {
  it.each(VIEWS)('never brings control characters into %s', (_, view) => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(40, 80, Infinity), (text, width) => {
        expect(view(text, { now: Date.parse(NOW), width, zone: 'UTC' })).not.toMatch(CONTROL);
      }),
      { numRuns: 60 },
    );
  });

  it.each(VIEWS.filter(([name]) => name !== 'json'))('never adds a line to %s', (_, view) => {
    fc.assert(
      fc.property(hostile, text => {
        const screen = { now: Date.parse(NOW), width: Infinity, zone: 'UTC' };
        expect(view(text, screen).split('\n')).toHaveLength(view('', screen).split('\n').length);
      }),
      { numRuns: 60 },
    );
  });

  it('would be noticed: the same text joined plainly has them', () => {
    const text = '\x1b]0;title\x07\n\x9b31m';
    expect(`reply: ${text}`).toMatch(CONTROL);
    expect(JSON.stringify(text)).toMatch(CONTROL);
    expect(page([`reply: ${text}`])).toBe('reply:  ]0;title 31m\n');
  });

  it('comes back whole from JSON', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(0, 2), (text, indent) => JSON.parse(jsonText({ [text]: [text] }, indent))[text][0] === text),
    );
  });

  it('keeps every table within the width', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 40, max: 200 }), (text, width) => {
        const screen = { now: Date.parse(NOW), width, zone: 'UTC' };
        const lines = [render.renderLanes([poisoned(lane(), text)], screen), render.renderWindows([poisoned(window(), text)], screen)]
          .join('')
          .split('\n');
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
      }),
      { numRuns: 60 },
    );
  });
});
