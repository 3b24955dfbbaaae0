/** Golden frames: what a person sees, at 80x24 and 140x40. Look at the files when one changes. */
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startModel, type Model, type Size } from '../../src/tui/model.js';
import { after, bare, drawn, keys, running, SMALL, WIDE } from './fixture.js';

const FRAMES = resolve(import.meta.dirname, '../frames');
const file = (name: string): string => resolve(FRAMES, `${name}.txt`);

const SCREENS: Readonly<Record<string, (size: Size) => Model>> = {
  list: running,
  'list-confirm': size => after(running(size), ...keys('down', 'p')),
  'list-sorted': size => after(running(size), ...keys('s'), { type: 'done', ok: true, text: 'paused cold-1' }),
  detail: size => after(running(size), ...keys('enter')),
  'detail-window': size => after(running(size), ...keys('enter', 'home', 'l')),
  help: size => after(running(size), ...keys('?')),
  filter: size => after(running(size), ...keys('/', 'c', 'o', 'l', 'd')),
  'filter-nothing': size => after(running(size), ...keys('/', 'x', 'x', 'enter')),
  away: size => after(running(size), { type: 'away', since: 12_400, text: 'no daemon answers at /run/rampd/rampd.sock: is it running?' }),
  'away-from-start': size =>
    after(startModel(size, { zone: 'UTC' }), {
      type: 'away',
      since: 0,
      text: 'no daemon answers at /run/rampd/rampd.sock: is it running?',
    }),
  empty: size => running(size, { sources: [], lanes: [], windows: [], queues: [] }),
};

describe.each([
  ['80x24', SMALL],
  ['140x40', WIDE],
] as const)('frames at %s', (name, size) => {
  it.each(Object.keys(SCREENS))('%s', async screen => {
    const frame = drawn(SCREENS[screen]?.(size) as Model);
    const lines = bare(frame).split('\n');
    expect(lines).toHaveLength(size.rows - 1);
    await expect(lines.map(line => `${line.trimEnd()}\n`).join('')).toMatchFileSnapshot(file(`${screen}-${name}`));
  });
});

describe('colours', () => {
  it('show states, and are as stored', async () => {
    await expect(`${drawn(running(SMALL))}\n`).toMatchFileSnapshot(file('list-80x24-colours'));
  });

  it('are left out when asked, while bold and inverse stay', () => {
    const frame = drawn({ ...running(SMALL), colours: false });

    const codes = new Set([...frame.matchAll(/\u001b\[(\d+)m/g)].map(([, code]) => Number(code)));
    expect([...codes].filter(code => (code >= 30 && code <= 49) || code >= 90)).toEqual([]);
    expect(codes).toContain(1);
    expect(codes).toContain(7);
    expect(bare(frame)).toBe(bare(drawn(running(SMALL))));
  });
});
