import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSession, type Session } from '../../src/tui/session.js';
import type { Message } from '../../src/tui/update.js';
import { feedLine } from '../control/fake-operations.js';
import { FakeBackend } from './fake-backend.js';

let backend: FakeBackend;
let heard: Message[];
let session: Session | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  backend = new FakeBackend();
  heard = [];
});
afterEach(() => {
  session?.stop();
  vi.useRealTimers();
});

const start = (every = 1_000): void => {
  session = startSession({ backend, every, now: () => performance.now(), say: message => heard.push(message) });
};
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const types = () => heard.map(message => message.type);
const last = <T extends Message['type']>(type: T) => heard.filter(m => m.type === type).at(-1) as Extract<Message, { type: T }> | undefined;

describe('a session', () => {
  it('asks at once, then each interval, one question at a time', async () => {
    start();
    await pass(0);
    expect(backend.asked).toBe(1);
    await pass(999);
    expect(backend.asked).toBe(1);
    await pass(3_001);
    expect(backend.asked).toBe(5);
    backend.hanging = true;
    await pass(20_000);
    expect(backend.asked).toBe(6);
  });

  it('gathers the feed, and goes on after the last line it knows', async () => {
    start();
    await pass(60);
    expect(types().filter(t => t === 'feed')).toHaveLength(1);
    expect(last('feed')?.lines).toHaveLength(4);
    backend.happens(feedLine(7));
    await pass(60);
    expect(last('feed')?.lines.map(l => l.id)).toEqual([7]);
    backend.leave('gone');
    backend.away = undefined;
    await pass(1_100);
    expect(backend.followedAfter).toEqual([0, 7]);
  });

  it('says for how long the daemon is away, and hears it again by itself', async () => {
    start();
    await pass(10);
    backend.leave('no daemon answers at /run/x');
    await pass(5_000);
    expect(last('away')).toMatchObject({ text: 'no daemon answers at /run/x', since: 4_000 });
    backend.away = undefined;
    heard.length = 0;
    await pass(1_000);
    expect(types()).toContain('status');
    await pass(2_000);
    expect(types()).not.toContain('away');
    expect(backend.followedAfter.length).toBeGreaterThan(1);
  });

  it('counts a daemon that hangs as away until it answers', async () => {
    backend.hanging = true;
    start();
    await pass(2_500);
    expect(last('away')).toBeUndefined();
    await pass(2_500);
    expect(last('away')).toMatchObject({ text: 'it takes long to answer', since: 5_000 });
    backend.release();
    await pass(1);
    expect(types().at(-1)).toBe('status');
  });

  it('tells what came of an act, and looks at once', async () => {
    start(60_000);
    await pass(10);
    session?.perform({ verb: 'pause', target: 'cold-1' });
    await pass(1);
    expect(last('done')).toEqual({ type: 'done', ok: true, text: 'pause is done' });
    expect(backend.asked).toBe(2);
    backend.refusal = 'cold-1 is held already';
    session?.perform({ verb: 'hold', source: 'cold-1' });
    await pass(1);
    expect(last('done')).toEqual({ type: 'done', ok: false, text: 'cold-1 is held already' });
  });

  it('says nothing and keeps no timer after stop', async () => {
    start();
    await pass(10);
    backend.happens(feedLine(9));
    session?.perform({ verb: 'pause', target: 'cold-1' });
    session?.stop();
    heard.length = 0;
    await pass(10_000);
    expect(heard).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
