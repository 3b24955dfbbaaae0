import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Painter } from '../../src/tui/painter.js';
import { FakeTerminal } from './terminal.js';

function opened() {
  const terminal = new FakeTerminal();
  const painter = new Painter(terminal);
  painter.open();
  return { terminal, painter };
}

describe('the painter', () => {
  it('shows the last frame, whatever came before it', () => {
    const frames = fc.array(fc.array(fc.constantFrom('', 'a', 'bb', '  c'), { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(frames, fc.nat(6), (all, clearAt) => {
        const { terminal, painter } = opened();
        all.forEach((lines, i) => {
          if (i === clearAt) {
            terminal.lines = ['debris', 'debris', 'debris', 'debris', 'debris', 'debris', 'debris'];
            painter.clear();
          }
          painter.paint(lines.join('\n'));
          expect(terminal.screen.replace(/\n+$/, '')).toBe(lines.join('\n').replace(/\n+$/, ''));
        });
        expect(terminal.synchronised).toBe(0);
      }),
    );
  });

  it('writes only what changed, in one write, and nothing when nothing changed', () => {
    const { terminal, painter } = opened();
    painter.paint('one\ntwo\nthree');
    terminal.writes.length = 0;
    painter.paint('one\n2\nthree');
    expect(terminal.writes).toHaveLength(1);
    expect(terminal.writes[0]).toContain('2');
    expect(terminal.writes[0]).not.toMatch(/one|three/);
    painter.paint('one\n2\nthree');
    expect(terminal.writes).toHaveLength(1);
  });

  it('leaves debris without clear(), and none with it', () => {
    const { terminal, painter } = opened();
    painter.paint('one\ntwo');
    terminal.lines[1] = 'debris';
    painter.paint('ONE\ntwo');
    expect(terminal.screen).toBe('ONE\ndebris');
    painter.clear();
    painter.paint('ONE\ntwo');
    expect(terminal.screen).toBe('ONE\ntwo');
  });

  it('gives the terminal back once', () => {
    const { terminal, painter } = opened();
    expect([terminal.alternate, terminal.cursor, terminal.wrap]).toEqual([true, false, false]);
    painter.close();
    expect([terminal.alternate, terminal.cursor, terminal.wrap]).toEqual([false, true, true]);
    const count = terminal.writes.length;
    painter.close();
    painter.paint('late');
    expect(terminal.writes).toHaveLength(count);
  });

  it('writes nothing to a terminal that has gone', () => {
    for (const how of ['throws', 'told']) {
      const { terminal, painter } = opened();
      if (how === 'throws') terminal.broken = true;
      else painter.gone();
      painter.paint('x');
      terminal.broken = false;
      const count = terminal.writes.length;
      painter.paint('y');
      painter.close();
      expect(terminal.writes).toHaveLength(count);
    }
  });
});
