import { describe, expect, it } from 'vitest';
import { SORTS, itemIndex, itemsOf, sourceOf, sourcesOf, startModel, type Model } from '../../src/tui/model.js';
import { update, type Intent } from '../../src/tui/update.js';
import { source, window } from '../control/fake-operations.js';
import { after, fullFeed, fullStatus, key, keys, running, SMALL } from './fixture.js';

/** What the last of these keys asks to be done. */
function intents(model: Model, ...names: readonly string[]): readonly Intent[] {
  const before = after(model, ...keys(...names.slice(0, -1)));
  return update(before, key(names.at(-1) ?? '')).intents;
}
const told = (model: Model): string | undefined => model.note?.text;

describe('moving', () => {
  it('goes up and down and stops at the ends', () => {
    const names = (...moves: string[]) => sourceOf(after(running(SMALL), ...keys(...moves)))?.name;
    expect(names()).toBe('cold-1');
    expect(names('down', 'j')).toBe('cold-3');
    expect(names('down', 'down', 'k')).toBe('cold-2');
    expect(names('up')).toBe('cold-1');
    expect(names('end')).toBe('hot-2');
    expect(names('pagedown', 'pagedown')).toBe('hot-2');
    expect(names('end', 'home')).toBe('cold-1');
  });

  it('keeps the chosen source, whatever the order', () => {
    const model = after(running(SMALL), ...keys('down', 's'));
    expect(sourcesOf(model)[0]?.name).toBe('cold-4');
    expect(sourceOf(model)?.name).toBe('cold-2');
  });

  it('opens a source and goes back', () => {
    const open = after(running(SMALL), ...keys('down', 'enter'));
    expect(open.open).toBe('cold-2');
    expect(after(open, key('escape')).open).toBeNull();
    expect(after(startModel(SMALL), key('enter')).open).toBeNull();
  });

  it('chooses the first lane of an open source, and moves over windows and lanes', () => {
    const open = after(running(SMALL), key('enter'));
    expect(itemsOf(open).map(item => item.key)).toEqual(['window w17', 'lane microsoft', 'lane yahoo', 'lane google']);
    expect(itemIndex(open)).toBe(1);
    expect(itemIndex(after(open, key('up')))).toBe(0);
    expect(itemIndex(after(open, ...keys('end', 'down')))).toBe(3);
  });

  it('counts windows of a provider to the sources that feel them', () => {
    const status = fullStatus();
    const lanes = status.lanes.map(lane => (lane.provider === 'google' && lane.source === 'cold-1' ? { ...lane, windows: ['w18'] } : lane));
    const open = after(running(SMALL, { lanes }), key('enter'));
    expect(itemsOf(open).map(item => item.key)).toContain('window w18');
  });

  it('leaves a source that is not configured any more', () => {
    const open = after(running(SMALL), key('enter'));
    const model = after(open, { type: 'status', status: fullStatus({ sources: [source({ name: 'other' })] }) });
    expect(model.open).toBeNull();
    expect(told(model)).toBe('cold-1 is not configured any more');
  });
});

describe('order and filter', () => {
  it('sorts in every way, and comes round', () => {
    const first = SORTS.map((_, i) => sourcesOf(after(running(SMALL), ...keys(...Array<string>(i).fill('s'))))[0]?.name);
    expect(first).toEqual(['cold-1', 'cold-4', 'cold-2', 'cold-1', 'cold-2', 'cold-1']);
    expect(after(running(SMALL), ...keys(...SORTS.map(() => 's'))).sort).toBe(SORTS[0]);
  });

  it.each([
    ['cold', 4],
    ['*-1', 2],
    ['192.0.2', 2],
    ['susp', 1],
    ['four', 4],
    ['nothing', 0],
  ])('filter %j leaves %i', (text, count) => {
    expect(sourcesOf(after(running(SMALL), ...keys('/', ...text)))).toHaveLength(count);
  });

  it('takes letters that are commands elsewhere, and keeps or forgets the filter', () => {
    const typing = after(running(SMALL), ...keys('/', 'q', 'p', 'backspace'));
    expect(typing.filter).toBe('q');
    expect(intents(running(SMALL), '/', 'q')).toEqual([]);
    const kept = after(typing, key('enter'));
    expect([kept.filter, kept.typing]).toEqual(['q', false]);
    expect(after(kept, key('escape')).filter).toBe('');
    expect(after(typing, key('escape'))).toMatchObject({ filter: '', typing: false });
  });
});

describe('acts', () => {
  it.each([
    [['p', 'y'], { verb: 'pause', target: 'cold-1' }],
    [['end', 'p', 'y'], { verb: 'resume', target: 'hot-2' }],
    [['h', 'Y'], { verb: 'hold', source: 'cold-1' }],
    [['down', 'down', 'h', 'y'], { verb: 'release', source: 'cold-3' }],
    [['down', 'down', 'down', 'h', 'y'], { verb: 'release', source: 'cold-4' }],
    [['l', 'y'], { verb: 'lift', window: 'w17' }],
    [['enter', 'l', 'y'], { verb: 'lift', window: 'w17' }],
    [['enter', 'up', 'l', 'y'], { verb: 'lift', window: 'w17' }],
    [['enter', 'p', 'y'], { verb: 'pause', target: 'cold-1' }],
  ])('%j', (names, deed) => {
    expect(intents(running(SMALL), ...names)).toEqual([{ type: 'do', deed }]);
  });

  it('are not done without a y', () => {
    for (const answer of ['n', 'escape', 'enter', 'p', 'q', 'down']) {
      expect(intents(running(SMALL), 'p', answer)).toEqual([]);
      const model = after(running(SMALL), ...keys('p', answer));
      expect(model.ask).toBeNull();
      expect(told(model)).toBe('nothing was changed');
    }
    expect(intents(running(SMALL), 'p')).toEqual([]);
    expect(intents(running(SMALL), 'y')).toEqual([]);
  });

  it('ask for what they name, whatever the daemon says meanwhile', () => {
    const asked = after(running(SMALL), key('p'));
    const gone = after(asked, { type: 'status', status: fullStatus({ sources: [source({ name: 'other' })] }) });
    expect(update(gone, key('y')).intents).toEqual([{ type: 'do', deed: { verb: 'pause', target: 'cold-1' } }]);
    expect(gone.ask?.question).toContain('cold-1');
  });

  it('say why there is nothing to do', () => {
    expect(told(after(running(SMALL), ...keys('down', 'l')))).toBe('cold-2 has no window to lift');
    expect(told(after(startModel(SMALL), key('p')))).toBe('no source is chosen');
    expect(told(after(startModel(SMALL), key('l')))).toBe('no source is chosen');
    const two = running(SMALL, { windows: [window(), window({ id: 'w19' })] });
    expect(told(after(two, key('l')))).toContain('2 windows');
    expect(after(two, key('l')).ask).toBeNull();
  });

  it('q and Ctrl-C leave, Ctrl-C from anywhere', () => {
    expect(intents(running(SMALL), 'q')).toEqual([{ type: 'quit' }]);
    for (const before of [[], ['?'], ['/'], ['p'], ['enter']])
      expect(intents(running(SMALL), ...before, 'interrupt')).toEqual([{ type: 'quit' }]);
  });

  it('a key closes the help and does nothing else', () => {
    const help = after(running(SMALL), key('?'));
    expect(help.help).toBe(true);
    expect(update(help, key('q'))).toMatchObject({ intents: [], model: { help: false } });
  });
});

describe('what is told', () => {
  const status = { type: 'status', status: fullStatus() } as const;

  it('goes by itself when good, and stays until a key when bad', () => {
    const many = Array(20).fill(status);
    expect(told(after(running(SMALL), { type: 'done', ok: true, text: 'paused' }, status))).toBe('paused');
    expect(told(after(running(SMALL), { type: 'done', ok: true, text: 'paused' }, ...many))).toBeUndefined();
    const bad = after(running(SMALL), { type: 'done', ok: false, text: 'refused' }, ...many);
    expect(told(bad)).toBe('refused');
    expect(told(after(bad, key('down')))).toBeUndefined();
  });

  it('an answer ends the absence and nothing else does', () => {
    const away = after(running(SMALL), { type: 'away', text: 'gone', since: 5 });
    expect(after(away, key('down'), { type: 'feed', lines: fullFeed }).away).not.toBeNull();
    expect(after(away, status).away).toBeNull();
    expect(away.status).not.toBeNull();
  });

  it('feed lines come once and are bounded', () => {
    const line = (id: number) => ({ id, time: '2026-03-02T13:00:00.000Z', type: 'held', author: 'x', text: `${id}` });
    const model = after(startModel(SMALL), { type: 'feed', lines: [line(1), line(2)] }, { type: 'feed', lines: [line(2), line(3)] });
    expect(model.feed.map(l => l.id)).toEqual([1, 2, 3]);
    const long = after(model, { type: 'feed', lines: Array.from({ length: 1_000 }, (_, i) => line(i + 4)) });
    expect(long.feed).toHaveLength(200);
    expect(long.feed.at(-1)?.id).toBe(1_003);
  });
});
