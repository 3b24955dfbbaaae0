/**
 * Ground for the spool's tests: folders that go away, a clock that stands, envelopes, and a spool opened on both.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Envelope } from '../../src/kernel/message.js';
import type { Queue, RowChange } from '../../src/kernel/queue.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { openStore, type Store, type StoreOptions } from '../../src/spool/store.js';

export const START = 1_700_000_000_000;

const made: string[] = [];
const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rampd-spool-'));
  made.push(dir);
  return dir;
}

/** What a process that dies now would leave behind; nothing must be under way. */
export function copyOf(dir: string): string {
  const copy = folder();
  cpSync(dir, copy, { recursive: true });
  return copy;
}

export async function open(dir: string, more: Partial<StoreOptions> = {}): Promise<Store> {
  const store = await openStore({
    dir,
    node: 1,
    clock: createManualClock(START),
    minFree: 0,
    ballast: 0,
    onFailure: error => {
      throw error;
    },
    ...more,
  });
  opened.push(store);
  return store;
}

export async function close(store: Store): Promise<void> {
  opened.splice(opened.indexOf(store), 1);
  await store.close();
}

export const envelope = (more: Partial<Envelope> = {}): Envelope => ({
  sender: 'bounce@sender.example',
  pool: 'marketing',
  warmUp: 'allow',
  accepted: START,
  client: '127.0.0.1',
  ...more,
});

export const to = (...addresses: string[]) => addresses.map(address => ({ address }));

export function queueOf(store: Store, domain: string, pool = 'marketing', job = ''): Queue {
  const named = (q: Queue): boolean =>
    q.pool === pool && q.domain === domain && q.warmUp === 'allow' && q.priority === 'normal' && q.job === job;
  const queue = [...store.queues()].find(named);
  if (!queue) throw new Error(`no queue for ${domain}`);
  return queue;
}

/** Takes the first row of a queue. */
export function takeFirst(queue: Queue) {
  const row = queue.peek(1)[0];
  if (!row || !queue.take(row)) throw new Error('nothing to take');
  return row;
}

export const delivered = (queue: Queue, row: ReturnType<typeof takeFirst>): RowChange => ({ row, queue, to: null, count: 'delivered' });

export const deferred = (queue: Queue, row: ReturnType<typeof takeFirst>, due: number): RowChange => ({
  row,
  queue,
  to: { due, state: { ...row.state, attempts: row.state.attempts + 1 } },
  count: 'deferred',
});

/** Every waiting recipient: `address due attempts`, in queue order. */
export async function everybody(store: Store): Promise<string[]> {
  const all: string[] = [];
  for (const queue of store.queues()) {
    for (const row of await store.scan(queue, 1_000_000)) all.push(`${row.state.address} ${row.due} ${row.state.attempts}`);
  }
  return all.sort();
}
