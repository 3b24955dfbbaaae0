/** The whole UI on a fake terminal: keys in, screens out, and the terminal given back. */
import { PassThrough } from 'node:stream';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { runTop } from '../../src/tui/run.js';
import { FakeBackend } from './fake-backend.js';
import { bare, fullStatus } from './fixture.js';
import { FakeTerminal } from './terminal.js';

class FakeStdin extends PassThrough {
  readonly isTTY = true;
  raw = false;
  setRawMode(on: boolean): this {
    this.raw = on;
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

function started(change: Partial<Parameters<typeof runTop>[0]> = {}) {
  const backend = new FakeBackend();
  const terminal = new FakeTerminal();
  const stdout = Object.assign(new EventEmitter(), { columns: 80, rows: 24, isTTY: true, write: terminal.write });
  const stdin = new FakeStdin();
  const ended = runTop({
    backend,
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    every: 20,
    zone: 'UTC',
    ...change,
  });
  const screen = () => bare(terminal.screen);
  return { backend, terminal, stdout, stdin, ended, screen, shows: (text: string | RegExp) => expect.poll(screen).toMatch(text) };
}

const asBefore = (terminal: FakeTerminal) => [terminal.alternate, terminal.cursor, terminal.wrap];
const BACK = [false, true, true];

describe('the UI', () => {
  it('shows sources, takes keys, acts after a y, and leaves on q', async () => {
    const { backend, stdin, terminal, ended, shows } = started({ title: 'lab' });
    await shows(/rampd · lab 0\.1\.0[^]*▸ cold-1[^]*w17[^]*rampd\.yaml is in force/);
    expect(stdin.raw).toBe(true);
    stdin.write('\u001b[B');
    await shows(/▸ cold-2/);
    stdin.write('p');
    await shows('pause cold-2: stop all its mail');
    expect(backend.deeds).toEqual([]);
    stdin.write('y');
    await shows('✓ pause is done');
    expect(backend.deeds).toEqual([{ verb: 'pause', target: 'cold-2' }]);
    backend.refusal = 'no, because';
    stdin.write('hy');
    await shows('✗ no, because');
    stdin.write('\r');
    await shows('─ cold-2 · 203.0.113.22');
    stdin.write('\u001b');
    await shows('─ Sources 6');
    stdin.write('q');
    await ended;
    expect(asBefore(terminal)).toEqual(BACK);
    expect(stdin.raw).toBe(false);
  });

  it('follows resizes and leaves no debris', async () => {
    const { stdin, stdout, terminal, ended, shows, screen } = started();
    await shows('─ Sources 6');
    Object.assign(stdout, { columns: 140, rows: 40 });
    stdout.emit('resize');
    await shows('THIS HOUR');
    Object.assign(stdout, { columns: 80, rows: 24 });
    terminal.lines = Array<string>(40).fill('debris');
    stdout.emit('resize');
    await shows('D/T/B');
    expect(screen()).not.toContain('debris');
    expect(screen().split('\n').length).toBeLessThanOrEqual(23);
    expect(
      Math.max(
        ...screen()
          .split('\n')
          .map(line => line.length),
      ),
    ).toBeLessThanOrEqual(80);
    stdin.write('q');
    await ended;
  });

  it('writes nothing while nothing changes', async () => {
    const { backend, stdin, terminal, ended, shows } = started();
    await shows('in force');
    const [asked, writes] = [backend.asked, terminal.writes.length];
    await expect.poll(() => backend.asked).toBeGreaterThan(asked + 5);
    expect(terminal.writes).toHaveLength(writes);
    backend.state = fullStatus({ uptime: 300_000 });
    await shows('up 3d11h');
    expect(terminal.writes).toHaveLength(writes + 1);
    stdin.write('q');
    await ended;
  });

  it('says that the daemon is away, keeps what it knows, and comes back', async () => {
    const { backend, stdin, ended, shows, screen } = started();
    await shows('live');
    backend.leave('no daemon answers at /run/rampd.sock');
    await shows(/AWAY[^]*retrying: no daemon answers at \/run\/rampd\.sock/);
    expect(screen()).toContain('▸ cold-1');
    backend.away = undefined;
    await shows('● live');
    expect(screen()).not.toContain('AWAY');
    stdin.write('q');
    await ended;
  });

  it.each([
    ['Ctrl-C', ({ stdin }: ReturnType<typeof started>) => void stdin.write('\u0003')],
    ['the end of input', ({ stdin }: ReturnType<typeof started>) => void stdin.end()],
  ])('ends with %s and gives the terminal back', async (_, how) => {
    const ui = started();
    await ui.shows('live');
    how(ui);
    await ui.ended;
    expect(asBefore(ui.terminal)).toEqual(BACK);
  });

  it('ends when told from outside, before or after it began', async () => {
    for (const early of [true, false]) {
      const ending = new AbortController();
      if (early) ending.abort();
      const ui = started({ signal: ending.signal });
      if (!early) await ui.shows('live');
      ending.abort();
      await ui.ended;
      expect(asBefore(ui.terminal)).toEqual(BACK);
    }
  });

  it('ends quietly when the terminal has gone, and writes no more', async () => {
    const { stdout, terminal, ended, shows } = started();
    await shows('live');
    const writes = terminal.writes.length;
    stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await ended;
    expect(terminal.writes).toHaveLength(writes);
    expect(stdout.listenerCount('error') + stdout.listenerCount('resize')).toBe(0);
  });

  it('gives the terminal back when the process exits in the middle', async () => {
    const before = process.listeners('exit');
    const { stdin, terminal, ended, shows } = started();
    await shows('live');
    const ours = process.listeners('exit').filter(listener => !before.includes(listener));
    for (const listener of ours) if (listener.name === 'close') (listener as () => void)();
    expect(asBefore(terminal)).toEqual(BACK);
    stdin.write('q');
    await ended;
    expect(
      process
        .listeners('exit')
        .filter(listener => !before.includes(listener))
        .some(l => l.name === 'close'),
    ).toBe(false);
  });

  it('ends with the error of a component that throws, the terminal given back', async () => {
    const { backend, terminal, ended, shows } = started();
    await shows('live');
    backend.state = { ...fullStatus(), totals: undefined } as never;
    await expect(ended).rejects.toThrow();
    expect(asBefore(terminal)).toEqual(BACK);
  });
});
