/** Acts of people on what waits: what they cannot read they leave as it was. */
import { describe, expect, it } from 'vitest';
import { Mailroom, type MailroomParts } from '../../src/daemon/mailroom.js';
import type { QueuedRecipient } from '../../src/kernel/message.js';
import type { Queue } from '../../src/kernel/queue.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { DamagedBody, type Store } from '../../src/spool/store.js';
import { envelope, folder, open, queueOf, START, to } from '../spool/ground.js';

describe('deleting by job', () => {
  it('passes over mail that has left meanwhile, or cannot be read, and holds on to nothing', async () => {
    const store = await open(folder(), { jobQueues: 1 });
    const hand = (job: string, address: string) => store.accept(envelope({ job }), to(address), Buffer.from('x\r\n'));
    for (const [job, address] of [
      ['own', 'a@d'],
      ['shared', 'b@d'],
      ['shared', 'gone@d'],
      ['other', 'c@d'],
      ['shared', 'e@d'],
    ] as const) {
      await hand(job, address);
    }
    const queue = queueOf(store, 'd', 'marketing', '');
    const gone = queue.peek(9).find(row => row.state.address === 'gone@d');
    const half: Store = Object.create(store, {
      mail: {
        value: (ref: QueuedRecipient['body']) =>
          ref.offset === gone?.body.offset ? Promise.reject(new DamagedBody(ref, 'ENOENT')) : store.mail(ref),
      },
      scan: { value: (...args: Parameters<Store['scan']>) => store.scan(...args) },
      queues: { value: () => store.queues() },
    }) as Store;
    const dispatcher = {
      remove: (from: Queue, rows: readonly QueuedRecipient[]) =>
        store.settle(
          rows.map(row => ({ row, queue: from, to: null, count: 'deleted' as const })),
          [],
        ),
    };
    const mailroom = new Mailroom({ clock: createManualClock(START), store: half, dispatcher, node: 0 } as unknown as MailroomParts);
    expect(await mailroom.remove({ job: 'shared', dsn: false }, 'operator:eve')).toBe(2);
    expect(queue.peek(9).map(row => row.state.address)).toEqual(['gone@d', 'c@d']);
    expect(queue.waiting).toBe(2);
  });
});

describe('listing messages', () => {
  it('leaves out what left while it was listed, and finds a body that moved', async () => {
    const store = await open(folder());
    for (const address of ['stays@d', 'leaves@d', 'moves@d']) await store.accept(envelope(), to(address), Buffer.from('x\r\n'));
    const queue = queueOf(store, 'd');
    const [, leaves, moves] = queue.peek(3);
    const lost = new Map([
      [leaves!.body.offset, () => store.settle([{ row: leaves!, queue, to: null, count: 'delivered' }], [])],
      [moves!.body.offset, () => Promise.resolve()],
    ]);
    const mail = async (ref: QueuedRecipient['body']) => {
      const happens = lost.get(ref.offset);
      if (!happens) return store.mail(ref);
      lost.delete(ref.offset);
      await happens();
      throw new DamagedBody(ref, 'ENOENT');
    };
    const half: Store = Object.create(store, {
      mail: { value: mail },
      scan: { value: (...args: Parameters<Store['scan']>) => store.scan(...args) },
      find: { value: (number: number) => store.find(number) },
      queues: { value: () => store.queues() },
    }) as Store;
    expect(queue.take(leaves!)).toBe(true);
    const mailroom = new Mailroom({ clock: createManualClock(START), store: half, node: 0 } as unknown as MailroomParts);
    const listed = await mailroom.messages({ limit: 10 }, at => new Date(at).toISOString());
    expect(listed.flatMap(view => view.recipients.map(one => one.address))).toEqual(['stays@d', 'moves@d']);
    expect(lost.size).toBe(0);
  });
});
