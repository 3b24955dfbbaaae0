/**
 * The log as a file: a disk without room for it ends no daemon, a start that fails ends at once with its reason, and a file
 * that was moved away is begun anew at a reload.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIN, until, World } from './world.js';

let w: World;
let daemon: ChildProcess | undefined;
beforeEach(() => {
  w = new World();
  // Nothing is sent.
  w.smtpPort = 2526;
});
afterEach(async () => {
  daemon?.kill('SIGKILL');
  await w.stop();
});

const configure = (log: string): Promise<void> =>
  w.prepare({
    zones: {},
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources: { s: { address: 127.0.1.1, host-name: s.test.example, warm-up: none } }
pools: { main: { sources: [s] } }
log: { file: ${JSON.stringify(log)} }
`,
  });

/** The exit code, when it comes to that. */
function start(): Promise<number | null> {
  const child = spawn(process.execPath, [MAIN, 'start', '-c', w.file], { stdio: 'ignore' });
  daemon = child;
  return new Promise(done => child.once('exit', code => done(code)));
}

const answers = (): Promise<unknown> =>
  until(
    () => w.status().catch(() => undefined),
    status => status !== undefined,
  );

it('a log on a full disk ends no daemon', async () => {
  await configure('/dev/full');
  const ended = start();
  await answers();
  expect((await w.run('pause', 's', '-c', w.file)).out).toBe('paused s\n');
  expect((await w.status()).sources[0]?.state).toBe('paused');
  expect(await w.run('stop', '-c', w.file)).toMatchObject({ code: 0 });
  expect(await ended).toBe(0);
});

it('a second daemon ends with its reason, and a log that is a folder is a fault with its place', { timeout: 30_000 }, async () => {
  const log = join(w.dir, 'rampd.log');
  await configure(log);
  void start();
  await answers();
  const second = await w.run('start', '-c', w.file);
  expect(second.code).toBe(2);
  expect(second.err).toMatch(/^.*another rampd is running with this state folder.*\n$/);

  renameSync(log, `${log}.1`);
  expect(await w.run('reload', '-c', w.file)).toMatchObject({ code: 0 });
  await until(
    () => Promise.resolve(existsSync(log) ? readFileSync(log, 'utf8') : ''),
    text => text.includes('"reloaded"'),
  );
  expect(readFileSync(`${log}.1`, 'utf8')).not.toContain('"reloaded"');

  const folder = join(w.dir, 'folder');
  mkdirSync(folder);
  w.configure(text => text.replace(log, folder));
  for (const command of ['start', 'check']) {
    const { code, err } = await w.run(command, '-c', w.file);
    expect({ command, code }).toEqual({ command, code: 2 });
    expect(err).toMatch(/rampd\.yaml:\d+:\d+: the log .* cannot be opened: EISDIR/);
  }
});
