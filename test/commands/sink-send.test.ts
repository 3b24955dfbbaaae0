import { EventEmitter } from 'node:events';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { register as registerSend } from '../../src/commands/send.js';
import { register as registerSink } from '../../src/commands/sink.js';
import { startReceiver } from '../../src/rehearse/receiver.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';
import { fakeIo, type FakeIo } from './fake-io.js';

/** A command under way: what it wrote so far, and a way to interrupt it. */
function begin(register: typeof registerSink, ...argv: string[]) {
  const io: FakeIo = fakeIo();
  const lines = new EventEmitter();
  const signals = new EventEmitter();
  const program = new Command('rampd').exitOverride().configureOutput({ writeErr: text => io.err(text) });
  const watchedIo: FakeIo = { ...io, out: text => (io.out(text), void lines.emit('line')) };
  register(program, watchedIo, { signals, every: 20 });
  const done = program.parseAsync(argv, { from: 'user' });
  done.catch(() => undefined);
  const wrote = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(io.written.out);
      if (found) return found;
      await Promise.race([
        new Promise(resolve => lines.once('line', resolve)),
        done.then(() => {
          if (!pattern.test(io.written.out)) throw new Error(`ended without ${pattern}: ${io.written.out}${io.written.err}`);
        }),
      ]);
    }
  };
  return { io, done, signals, wrote };
}

describe('rampd sink and rampd send', () => {
  it('meet: the sink ends after --count messages and both sum up', async () => {
    const sink = begin(registerSink, 'sink', '--accept-all', '--listen', '127.0.0.1:0', '--count', '300');
    const [, port] = await sink.wrote(/takes everything at 127\.0\.0\.1:(\d+)/);
    const send = begin(registerSend, 'send', '--to', 'gmail.com=3,yahoo.com', '--count', '300', '--server', `127.0.0.1:${port}`);
    await Promise.all([sink.done, send.done]);
    expect(sink.io.written.out).toMatch(
      /300 messages in .* s \(\d+\/s\)\nall {2}from 127\.0\.0\.1: 300 recipients accepted in 300 attempts on 4 connections/,
    );
    expect(send.io.written.out).toMatch(/300 of 300 accepted in .* s \(\d+\/s\)\n$/);
    expect([sink.io.written.code, send.io.written.code]).toEqual([undefined, undefined]);
  });

  it('say how far they are, and end in order when interrupted', async () => {
    const sink = begin(registerSink, 'sink', '--accept-all', '--listen', '127.0.0.1:0');
    const [, port] = await sink.wrote(/at 127\.0\.0\.1:(\d+)/);
    const send = begin(registerSend, 'send', '--to', 'a.example', '--count', '100', '--rate', '200/s', '--server', `127.0.0.1:${port}`);
    await sink.wrote(/\d\d:\d\d {2}\d+ messages \(\d+\/s\) {2}\d connections/);
    await send.wrote(/\d+ of 100 accepted/);
    send.signals.emit('SIGINT');
    await send.done;
    sink.signals.emit('SIGTERM');
    await sink.done;
    expect(sink.io.written.out).toMatch(/messages in/);
    expect(send.io.written.code).toBeUndefined();
    expect([sink.signals.listenerCount('SIGINT'), send.signals.listenerCount('SIGTERM')]).toEqual([0, 0]);
  });

  it('the sink without --accept-all is the world of the lab, and says how to reach it', async () => {
    const sink = begin(registerSink, 'sink', '--dns-port', '0', '--smtp-port', '0');
    const [, port] = await sink.wrote(/servers: \["127\.0\.0\.1:\d+"\] }\n {2}smtp-port: (\d+)\n {2}allow-private: true/);
    expect(sink.io.written.out).toContain('google: gmail.com');
    // The first receiver is Microsoft's: its unknown users are refused, everybody else is not.
    const send = begin(registerSend, 'send', '--to', 'bob@outlook.com', '--server', `127.0.2.1:${port}`);
    await send.done;
    sink.signals.emit('SIGINT');
    await sink.done;
    expect(send.io.written.out).toMatch(/^1 of 1 accepted/m);
    expect(sink.io.written.out).toMatch(/microsoft {2}from 127\.0\.0\.1: 1 recipients accepted in 1 attempts/);
  });

  it('send ends with 1 when mail is refused or nobody is there', async () => {
    const clock = createVirtualClock({ start: 0, speed: 1 });
    const receiver = await startReceiver({ clock, policy: { onRcpt: () => ({ reply: '554 5.7.1 relay access denied' }) } });
    const refused = begin(registerSend, 'send', '--to', 'a.example', '--count', '2', '--server', `127.0.0.1:${receiver.port}`);
    await refused.done;
    await receiver.stop();
    expect(refused.io.written.code).toBe(1);
    expect(refused.io.written.out).toContain('2 refused; last answer: 554 5.7.1 relay access denied');
  });

  it.each([
    [registerSink, ['sink', '--listen', '127.0.0.1:0']],
    [registerSink, ['sink', '--accept-all', '--listen', 'localhost']],
    [registerSink, ['sink', '--smtp-port', '70000']],
    [registerSend, ['send']],
    [registerSend, ['send', '--to', 'not a domain']],
    [registerSend, ['send', '--to', 'a.example=0']],
    [registerSend, ['send', '--to', 'a.example', '--rate', '0']],
    [registerSend, ['send', '--to', 'a.example', '--rate', 'none']],
    [registerSend, ['send', '--to', 'a.example', '--size', 'big']],
    [registerSend, ['send', '--to', 'a.example', '--server', '127.0.0.1:0']],
  ])('refuse what makes no sense (%#)', async (register, argv) => {
    await expect(begin(register, ...argv).done).rejects.toThrow();
  });
});
