/**
 * A disk that fills up: refused with 452 while outcomes are still written, then filled to the last byte under load. Nothing
 * answered 250 is lost by it. On a small tmpfs of its own, which only root may mount.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { batch, Client, type Injected, inject } from './inject.js';
import { until, World, zones } from './world.js';

const MB = 1024 * 1024;
/** Below this rampd refuses new mail. */
const MIN_FREE = 8 * MB;

const mounts: string[] = [];
function mount(dir: string, size: string): boolean {
  mkdirSync(dir, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'rampd-test', dir], { stdio: 'ignore' });
  } catch {
    return false;
  }
  mounts.push(dir);
  return true;
}

const worlds: World[] = [];
afterEach(async () => {
  for (const w of worlds) await w.end('SIGKILL');
  for (const dir of mounts.splice(0)) execFileSync('umount', ['-l', dir]);
  await Promise.all(worlds.splice(0).map(w => w.stop()));
});

const mayMount = ((): boolean => {
  const w = new World();
  try {
    return mount(w.stateDir, '1m');
  } finally {
    for (const dir of mounts.splice(0)) execFileSync('umount', ['-l', dir]);
    void w.stop();
  }
})();
const title = `a full disk ${mayMount ? '' : '(SKIPPED: only root may mount the tmpfs it needs) '}is refused in time, loses nothing, and is used again when there is room`;

/** Something else that fills the disk. */
class Filler {
  readonly #path: string;
  readonly #fd: number;
  #size = 0;

  constructor(private readonly dir: string) {
    this.#path = join(dir, 'somebody-else');
    this.#fd = openSync(this.#path, 'w');
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.dir);
    return bavail * bsize;
  }

  /** Takes more until so much is left, if there is more; 0 fills the disk to its last block. */
  fill(left: number): void {
    const block = Buffer.alloc(64 * 1024, 1);
    try {
      while (this.free > left) this.#size += writeSync(this.#fd, block, 0, Math.min(block.length, this.free - left), this.#size);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Gives room back. */
  shrink(bytes: number): void {
    ftruncateSync(this.#fd, (this.#size = Math.max(0, this.#size - bytes)));
  }

  remove(): void {
    closeSync(this.#fd);
    unlinkSync(this.#path);
  }
}

it.skipIf(!mayMount)(title, { timeout: 90_000 }, async () => {
  const w = new World();
  worlds.push(w);
  expect(mount(w.stateDir, '160m')).toBe(true);
  const taken = new Map<string, number>();
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.a.example',
    onMessage(peer) {
      for (const r of peer.recipients) taken.set(r, (taken.get(r) ?? 0) + 1);
    },
  });
  await w.prepare({
    zones: zones({ 'a.example': 'mx.a.example' }, { 'mx.a.example': '127.0.2.1' }),
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none }
pools:
  main: { sources: [hot] }
min-free: ${MIN_FREE / MB}MB
`,
  });
  await w.start();
  await w.client.pause('hot', { author: 'test' });
  const filler = new Filler(w.stateDir);
  const promised = new Set<string>();
  let n = 0;
  const next = (): Injected => ({ from: 'news@sender.example', to: [`m${++n}@a.example`], size: 50_000 });
  /** The reply, or what was said instead of it. */
  const tryOne = async (client: Client): Promise<string> => {
    const message = next();
    try {
      const reply = await client.send(message);
      promised.add(message.to[0] ?? '');
      return reply;
    } catch (error) {
      return (error as Error & { response?: string }).response ?? (error as Error).message;
    }
  };

  // Somebody else fills the disk, and rampd gives its ballast up; the rest of it fills with mail.
  let client = await Client.open(w.listenPort);
  expect(existsSync(join(w.stateDir, 'spool', 'ballast'))).toBe(true);
  filler.fill(MIN_FREE + MB);
  await until(
    async () => {
      await tryOne(client);
      return existsSync(join(w.stateDir, 'spool', 'ballast'));
    },
    there => !there,
  );
  let refusal = '';
  while (refusal === '') {
    const reply = await tryOne(client);
    if (!reply.startsWith('250')) refusal = reply;
  }
  expect(refusal).toMatch(/^452 4\.3\.1 /);
  client.close();
  expect(promised.size).toBeGreaterThan(10);
  expect((await w.status()).totals).toMatchObject({ accepted: promised.size, waiting: promised.size });

  // Refusing, it can still write outcomes: what it has leaves.
  await w.client.resume('hot', { author: 'test' });
  await until(
    () => w.status(),
    s => s.totals.waiting === 0,
  );
  await expect(inject(w.listenPort, ...batch(1, 'refused', 'a.example'))).rejects.toThrow(/452/);

  // Room again: it takes mail by itself.
  filler.shrink(60 * MB);
  await w.client.pause('hot', { author: 'test' });
  await until(
    async () => {
      client = await Client.open(w.listenPort);
      const reply = await tryOne(client);
      client.close();
      return reply;
    },
    reply => reply.startsWith('250'),
  );

  const before = promised.size;
  // Filled to the last byte between one look at the disk and the next, with clients at it.
  const clients = await Promise.all(Array.from({ length: 4 }, () => Client.open(w.listenPort)));
  const loads = clients.map(async c => {
    for (let i = 0; i < 200 && c.alive; i++) {
      const reply = await tryOne(c);
      if (/^45/.test(reply)) await c.reset().catch(() => undefined);
    }
  });
  await until(
    () => promised.size,
    size => size > before + 10,
  );
  filler.fill(0);
  await Promise.all(loads);
  clients.forEach(c => c.close());
  expect(promised.size).toBeLessThan(n);

  filler.remove();
  // It may have ended, rather than promise what it could not keep; whoever starts it finds everything.
  await w.end('SIGKILL');
  await w.start();
  const held = await w.status();
  await w.client.resume('hot', { author: 'test' });
  const end = await until(
    () => w.status(),
    s => s.totals.waiting === 0,
  );
  expect([...promised].filter(r => !taken.has(r))).toEqual([]);
  expect(end.totals.delivered).toBe(held.totals.accepted);
  expect(Math.max(...taken.values())).toBe(1);
  expect((await inject(w.listenPort, ...batch(1, 'after', 'a.example')))[0]).toMatch(/^250/);
});
