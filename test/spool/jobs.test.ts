/** Queues of jobs and priorities: apart from others, over a restart, within their bound. */
import { describe, expect, it } from 'vitest';
import { MemoryQueue, type Shelf } from '../../src/spool/queue.js';
import { Queues } from '../../src/spool/queues.js';
import { SharedJobs } from '../../src/spool/shared-jobs.js';
import { Slab } from '../../src/spool/bytes.js';
import { readQueueRow, writeQueueRow } from '../../src/spool/small-rows.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { close, copyOf, envelope, folder, open, queueOf, START, to } from './ground.js';

const HOUR = 3_600_000;

const named = (q: { domain: string; priority: string; job: string; waiting: number }) =>
  `${q.domain} ${q.priority} ${q.job || '-'} ${q.waiting}`;

describe('mail of a job', () => {
  it('has a queue of its own, as has each priority, and so it is after a restart', async () => {
    const dir = folder();
    const store = await open(dir);
    const content = Buffer.from('x\r\n');
    await store.accept(envelope(), to('a@one.example', 'b@one.example'), content);
    await store.accept(envelope({ job: 'spring' }), to('c@one.example'), content);
    await store.accept(envelope({ job: 'spring', priority: 'high' }), to('d@one.example'), content);
    const expected = ['one.example high spring 1', 'one.example normal - 2', 'one.example normal spring 1'];
    expect([...store.queues()].map(named).sort()).toEqual(expected);
    expect(queueOf(store, 'one.example', 'marketing', 'spring').waiting).toBe(1);
    await close(store);
    const again = await open(dir);
    expect([...again.queues()].map(named).sort()).toEqual(expected);
    // The same names mean the same queues.
    await again.accept(envelope({ job: 'spring' }), to('e@one.example'), content);
    expect(queueOf(again, 'one.example', 'marketing', 'spring').waiting).toBe(2);
    await close(again);
  });

  it('shares a queue beyond the bound, so that a job for every message costs no queue for every message', () => {
    let id = 0;
    const queues = new Queues({ resident: 0, budget: 100 } as Shelf, () => ++id, undefined, 3);
    const name = (job: string) => ({ pool: 'p', domain: 'd', warmUp: 'allow' as const, job });
    const made = Array.from({ length: 50 }, (_, i) => queues.findOrMake(name(`job-${i}`)));
    expect([...queues.all()].map(q => q.job)).toEqual(['job-0', 'job-1', 'job-2', '']);
    expect(made[49]).toBe(queues.findOrMake({ pool: 'p', domain: 'd', warmUp: 'allow' }));
    expect(queues.findOrMake(name('job-1'))).toBe(made[1]);
  });

  it('shares no queue once a person has paused it, and the bound is said once', () => {
    let id = 0;
    const said: number[] = [];
    const jobs = { paused: (job: string) => job === 'held', full: (most: number) => void said.push(most) };
    const queues = new Queues({ resident: 0, budget: 100 } as Shelf, () => ++id, jobs, 1);
    const made = ['a', 'b', 'held', 'c'].map(job => queues.findOrMake({ pool: 'p', domain: 'd', warmUp: 'allow', job }));
    expect(made.map(q => q.job)).toEqual(['a', '', 'held', '']);
    expect(said).toEqual([1]);
  });

  it('is known to share a queue while something waits there', async () => {
    const store = await open(folder(), { jobQueues: 1 });
    const hand = (job: string, ...addresses: string[]) => store.accept(envelope({ job }), to(...addresses), Buffer.from('x\r\n'));
    await Promise.all([hand('a', 'a@one.example'), hand('b', 'b@one.example', 'b@two.example')]);
    expect(store.sharedJobs.names()).toEqual(['b']);
    const shared = store.sharedJobs.queuesOf('b');
    expect(shared.map(q => `${q.domain} ${q.job}`).sort()).toEqual(['one.example ', 'two.example ']);
    expect(store.sharedJobs.queuesOf('a')).toEqual([]);
    for (const queue of shared) {
      const [row] = queue.peek(1);
      expect(row && queue.take(row)).toBe(true);
      // In flight it still waits.
      expect(store.sharedJobs.queuesOf('b')).toContain(queue);
      if (row) await store.settle([{ row, queue, to: null, count: 'delivered' }], []);
    }
    expect([store.sharedJobs.names(), store.sharedJobs.queuesOf('b')]).toEqual([[], []]);
  });

  it('is known to share one after a restart too, and no longer than something waits there', async () => {
    const dir = folder();
    const store = await open(dir, { jobQueues: 1 });
    const hand = (job: string, ...addresses: string[]) => store.accept(envelope({ job }), to(...addresses), Buffer.from('x\r\n'));
    const long = 'campaign '.repeat(100);
    await Promise.all([hand('a', 'a@one.example'), hand('b', 'b@one.example', 'b@two.example'), hand(long, 'c@two.example')]);
    const killed = await open(copyOf(dir), { jobQueues: 1 });
    await close(store);
    const clock = createManualClock(START);
    const again = await open(dir, { jobQueues: 1, clock });
    for (const one of [killed, again]) {
      expect(one.sharedJobs.names().sort()).toEqual(['b', long]);
      expect(one.sharedJobs.queuesOf('b').map(named).sort()).toEqual(['one.example normal - 1', 'two.example normal - 2']);
      expect(one.sharedJobs.queuesOf(long).map(named)).toEqual(['two.example normal - 2']);
      expect(one.sharedJobs.queuesOf('a')).toEqual([]);
    }
    await close(killed);
    const drain = async (domain: string) => {
      const queue = queueOf(again, domain, 'marketing', '');
      await again.settle(
        queue.peek(9).map(row => (queue.take(row), { row, queue, to: null, count: 'delivered' as const })),
        [],
      );
    };
    await drain('two.example');
    clock.advance(HOUR);
    // This commit looks for what is empty, the next one forgets it.
    for (let i = 0; i < 2; i++) await again.settle([], []);
    await close(again);
    const last = await open(dir, { jobQueues: 1 });
    expect(last.sharedJobs.names()).toEqual(['b']);
    expect(last.sharedJobs.queuesOf('b').map(named)).toEqual(['one.example normal - 1']);
    await close(last);
  });

  it('is known from before its commit, and of jobs beyond those remembered by name the queues are', () => {
    const shared = new SharedJobs(undefined, 1);
    const queue = new MemoryQueue(1, 'p', 'd', 'allow', { resident: 0, budget: 100 } as Shelf);
    queue.hold(7);
    for (const job of ['a', 'b', 'c']) shared.note(job, queue);
    expect(shared.names()).toEqual(['a']);
    expect(['a', 'b', 'other'].map(job => shared.queuesOf(job))).toEqual([[queue], [queue], [queue]]);
    queue.release(7);
    expect([shared.queuesOf('b'), shared.names(), shared.queuesOf('a')]).toEqual([[], [], []]);
  });

  it('gets its place back when its queue has been empty for long', () => {
    let id = 0;
    const queues = new Queues({ resident: 0, budget: 100 } as Shelf, () => ++id, undefined, 1);
    const first = queues.findOrMake({ pool: 'p', domain: 'd', warmUp: 'allow', job: 'a' });
    queues.vacated(first, 0);
    expect(queues.retire(3_600_000)).toEqual([first]);
    expect(queues.findOrMake({ pool: 'p', domain: 'd', warmUp: 'allow', job: 'b' }).job).toBe('b');
  });
});

describe('the row of a queue', () => {
  it('is read back the same, and one written before there were jobs is read too', () => {
    const queue = new MemoryQueue(1, 'pool', 'dömain.example', 'never', {} as Shelf, 'low', 'spring sale');
    const slab = new Slab();
    expect(readQueueRow(writeQueueRow(slab, queue, 7))).toEqual({
      pool: 'pool',
      domain: 'dömain.example',
      warmUp: 'never',
      priority: 'low',
      job: 'spring sale',
      waiting: 7,
    });
    const old = Buffer.from([1, 1, 0, 0, 0, 0, 0, 9, 0, 1, 0x70, 0, 1, 0x64]);
    expect(readQueueRow(old)).toEqual({ pool: 'p', domain: 'd', warmUp: 'allow', priority: 'normal', job: '', waiting: 9 });
    expect(() => readQueueRow(Buffer.from([3, 1, 0, 0, 0, 0, 0, 9]))).toThrow(RangeError);
  });
});
