/**
 * `rampd start` and its signals: none ends the daemon but those that are to.
 */
import { Command } from 'commander';
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { register, type Running } from '../../src/commands/start.js';
import { fakeIo } from './fake-io.js';

function starting() {
  const io = fakeIo();
  const signals = new EventEmitter();
  const done: string[] = [];
  let ready: (running: Running) => void = () => undefined;
  let end: (code: 0 | 1) => void = () => undefined;
  const running: Running = {
    done: new Promise(resolve => (end = resolve)),
    reload: async author => (done.push(`reload ${author}`), { warnings: ['rampd.yaml:1:1: warning: hm'] }),
    stop: async author => {
      done.push(`stop ${author}`);
      end(0);
    },
  };
  const program = new Command('rampd');
  register(program, io, { start: () => new Promise(resolve => (ready = resolve)), signals });
  const ended = program.parseAsync(['start', '-c', 'rampd.yaml'], { from: 'user' });
  return { io, signals, done, ended, stand: () => ready(running) };
}

it('a SIGHUP while it starts does not end it, and is obeyed when it has started', async () => {
  const { io, signals, done, ended, stand } = starting();
  expect(signals.emit('SIGHUP')).toBe(true);
  expect(done).toEqual([]);
  stand();
  await new Promise(resolve => setImmediate(resolve));
  expect(done).toEqual(['reload signal:SIGHUP']);
  expect(io.written.err).toContain('warning: hm');
  signals.emit('SIGHUP');
  signals.emit('SIGTERM');
  await ended;
  expect(done).toEqual(['reload signal:SIGHUP', 'reload signal:SIGHUP', 'stop signal:SIGTERM']);
  expect(io.written.code).toBe(0);
});
