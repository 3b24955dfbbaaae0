/** Queues of jobs and priorities: apart from others, over a restart, within their bound. */
import { describe, expect, it } from 'vitest';
import { MemoryQueue, type Shelf } from '../../src/spool/queue.js';
import { Queues } from '../../src/spool/queues.js';
import { Slab } from '../../src/spool/bytes.js';
import { readQueueRow, writeQueueRow } from '../../src/spool/small-rows.js';
import { close, envelope, folder, open, to } from './ground.js';

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
    expect(store.findQueue('marketing', 'one.example', 'allow', { job: 'spring' })?.waiting).toBe(1);
    await close(store);
    const again = await open(dir);
    expect([...again.queues()].map(named).sort()).toEqual(expected);
    // The same names mean the same queues.
    await again.accept(envelope({ job: 'spring' }), to('e@one.example'), content);
    expect(again.findQueue('marketing', 'one.example', 'allow', { job: 'spring' })?.waiting).toBe(2);
    await close(again);
  });

  it('shares a queue beyond the bound, so that a job for every message costs no queue for every message', () => {
    let id = 0;
    const queues = new Queues({ resident: 0, budget: 100 } as Shelf, () => ++id, 3);
    const name = (job: string) => ({ pool: 'p', domain: 'd', warmUp: 'allow' as const, job });
    const made = Array.from({ length: 50 }, (_, i) => queues.findOrMake(name(`job-${i}`)));
    expect([...queues.all()].map(q => q.job)).toEqual(['job-0', 'job-1', 'job-2', '']);
    expect(made[49]).toBe(queues.find({ pool: 'p', domain: 'd', warmUp: 'allow' }));
    expect(queues.findOrMake(name('job-1'))).toBe(made[1]);
  });

  it('gets its place back when its queue has been empty for long', () => {
    let id = 0;
    const queues = new Queues({ resident: 0, budget: 100 } as Shelf, () => ++id, 1);
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
