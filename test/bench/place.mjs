/**
 * Where a benchmark takes place: a folder on a real disk, free ports on loopback, child processes that are ended by id.
 *
 * Everything made here is gone after `leave()`, whatever happened between. Never kills a process it did not start.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = resolve(import.meta.dirname, '../..');

/** f_type of tmpfs and ramfs (statfs(2)): a sync there costs nothing, and a measurement is worth nothing. */
const MEMORY = [0x01021994, 0x858458f6];

const children = new Set();
const endings = new Set();
let dir;

/** The folder all state stands in. Readable by other users: Postfix's daemons drop root. */
export function enter(wanted) {
  const onDisk = !MEMORY.includes(statfsSync(tmpdir()).type);
  const parent = wanted ?? (onDisk ? tmpdir() : join(ROOT, 'dist-bench'));
  mkdirSync(parent, { recursive: true });
  dir = mkdtempSync(join(parent, 'rampd-bench-'));
  chmodSync(dir, 0o755);
  return dir;
}

export function folder(name) {
  const path = mkdtempSync(join(dir, `${name}-`));
  chmodSync(path, 0o755);
  return path;
}

export function removeFolder(path) {
  rmSync(path, { recursive: true, force: true });
}

/** What is to be done before everything is left, for what is no child of ours. Returns how to take it back. */
export function beforeLeaving(act) {
  endings.add(act);
  return () => endings.delete(act);
}

export async function leave() {
  await Promise.all([...endings].map(act => act()));
  await Promise.all([...children].map(child => end(child, 'SIGKILL')));
  if (dir) removeFolder(dir);
}

/** A free port of an address of 127/8. */
export function freePort(host = '127.0.0.1') {
  return new Promise((done, failed) => {
    const server = net.createServer();
    server.once('error', failed);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Starts a program; its last output stands in the error when it cannot be started or ends by itself while it is waited for. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  children.add(child);
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      child.said = (child.said + chunk).slice(-4_000);
      child.emit('said');
    });
  }
  child.over = new Promise(done => {
    child.once('error', error => {
      child.said += error.message;
      children.delete(child);
      done(null);
    });
    child.once('exit', code => {
      children.delete(child);
      done(code);
    });
  });
  return child;
}

/** Resolves when a child has said this. */
export function saying(child, text) {
  return new Promise((done, failed) => {
    const look = () => child.said.includes(text) && done();
    child.on('said', look);
    void child.over.then(code => failed(new Error(`${child.spawnfile} ended with ${code}: ${child.said}`)));
    look();
  });
}

/** Ends a child and waits for it. */
export async function end(child, signal = 'SIGTERM') {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await child.over;
}

/** Runs a program to its end; throws when that was not 0. */
export async function run(command, args, options) {
  const child = start(command, args, options);
  const code = await child.over;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${child.said}`);
  return child.said;
}

export function installed(command) {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin:/usr/libexec/postfix`.split(':');
  return folders.map(f => join(f, command)).find(path => existsSync(path));
}

/** Resolves when somebody listens there. */
export async function listening(host, port, limit = 20_000) {
  for (const until = Date.now() + limit; ; await sleep(20)) {
    const open = await new Promise(done => {
      const socket = net.connect({ host, port }, () => {
        socket.destroy();
        done(true);
      });
      socket.once('error', () => done(false));
    });
    if (open) return;
    if (Date.now() > until) throw new Error(`nobody listens on ${host}:${port} after ${limit} ms`);
  }
}
