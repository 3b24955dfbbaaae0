/** What rampd.yaml says of messages as they come in, and the pools that stand for single sources. */
import { describe, expect, it } from 'vitest';
import { MESSAGE_RULES } from '../../src/kernel/message-rules.js';
import { loadAlone, minimal, settingsOf } from './reading.js';

const read = (more: string) => loadAlone(minimal({}, more));

describe('rules for messages', () => {
  it('have defaults', () => {
    expect(settingsOf(read('')).messageRules).toEqual(MESSAGE_RULES);
  });

  it('are read, header names in lower case', () => {
    const text = 'max-loop-count: unlimited\nstrip-headers: [Bcc, X-Internal-ID]\nmax-header-size: 64KB\nmax-line-length: 998\n';
    expect(settingsOf(read(text)).messageRules).toEqual({
      maxLoopCount: Infinity,
      stripHeaders: ['bcc', 'x-internal-id'],
      maxHeaderSize: 64 * 1024,
      maxLineLength: 998,
    });
    expect(settingsOf(read('strip-headers: []\n')).messageRules?.stripHeaders).toEqual([]);
  });

  it.each([
    ['strip-headers: ["X-A:"]\n', 'bad-header'],
    ['strip-headers: [From]\n', 'bad-header'],
    ['strip-headers: [content-type]\n', 'bad-header'],
    ['strip-headers: Bcc\n', 'bad-shape'],
    ['max-loop-count: 0\n', 'bad-count'],
    ['max-line-length: none\n', 'bad-count'],
    ['strip-header: [Bcc]\n', 'unknown-key'],
  ])('refuse %j', (text, code) => {
    const { faults } = read(text);
    expect(faults.map(f => f.code)).toEqual([code]);
    expect(faults[0]?.place.line).toBeGreaterThan(1);
  });
});

describe('a source', () => {
  it('is a pool of its own name, unless a pool has it', () => {
    const sources = 'sources: { a: { address: 192.0.2.1, warm-up: none }, main: { address: 192.0.2.2, warm-up: none } }';
    const { pools } = settingsOf(loadAlone(minimal({ sources, pools: 'pools: { main: { sources: [a, main] } }' })));
    expect([...pools.keys()]).toEqual(['main', 'a']);
    expect(pools.get('a')).toMatchObject({ sources: [{ source: 'a', weight: 1 }], implicit: true });
    expect(pools.get('main')?.implicit).toBeUndefined();
  });

  it('is no pool a client could name', () => {
    const clients = 'clients: [{ from: 127.0.0.1, pool: a }]';
    const sources = 'sources: { a: { address: 192.0.2.1, warm-up: none } }';
    const { faults } = loadAlone(minimal({ sources, clients, pools: 'pools: { main: { sources: [a] } }' }));
    expect(faults.map(f => f.code)).toEqual(['unknown-pool']);
  });
});
