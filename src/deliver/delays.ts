/**
 * Mail that is late although no attempt ended: its domain cannot be looked up, or none of its MX hosts can be reached. Its
 * senders are told as those of mail that was put off are; see tell.ts.
 */
import type { QueuedRecipient } from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { Ms } from '../kernel/units.js';
import { networkReply } from '../outcome/reply.js';
import { noticeOf } from './notices.js';
import type { Outbox } from './outbox.js';
import type { DeliverPorts } from './ports.js';
import { reached, withTold } from './tell.js';
import type { Underway } from './underway.js';

/** Recipients looked at in one go; those told of go behind the others, so that the next go finds others. */
const BATCH = 100;

export class Delays {
  readonly #ports: DeliverPorts;
  readonly #outbox: Outbox;
  readonly #underway: Underway;
  readonly #bounceAfter: (queue: Queue) => Ms;
  readonly #running: () => boolean;

  constructor(ports: DeliverPorts, outbox: Outbox, underway: Underway, bounceAfter: (queue: Queue) => Ms, running: () => boolean) {
    this.#ports = ports;
    this.#outbox = outbox;
    this.#underway = underway;
    this.#bounceAfter = bounceAfter;
    this.#running = running;
  }

  /** `trouble`: why nothing can leave. Resolves when what was told is committed. */
  async sweep(queue: Queue, trouble: string): Promise<void> {
    let told: number;
    do told = await this.#underway.add(this.#tell(queue, trouble));
    while (told > 0 && this.#running());
  }

  /** How many of the next were late. */
  async #tell(queue: Queue, trouble: string): Promise<number> {
    const { clock, settings, store, failed } = this.#ports;
    const now = clock.now();
    if (queue.nextDue === null || queue.nextDue > now) return 0;
    const told = (row: QueuedRecipient): number => reached(row.accepted, settings(), now);
    const late = queue.peek(BATCH).filter(row => row.due <= now && told(row) > (row.state.told ?? 0) && queue.take(row));
    const changes: RowChange[] = [];
    for (const row of late) {
      const state = withTold(row.state, told(row));
      const match = { class: 'network', scope: 'recipient', reply: networkReply(trouble), phase: 'connect', fate: 'defer' } as const;
      const end = {
        row,
        match,
        conclusion: { fate: 'deferred', class: 'network', state } as const,
        retryUntil: row.accepted + this.#bounceAfter(queue),
      };
      try {
        const mail = await store.mail(row.body);
        const notice = noticeOf('delayed', [end], mail, queue, settings(), clock);
        if (notice) await store.accept(notice.envelope, notice.recipients, notice.content).catch(failed);
      } catch (error) {
        this.#ports.log.error({ message: row.message, error: (error as Error).message }, 'no notice of delay: the body cannot be read');
      }
      changes.push({ row, queue, to: { due: now, state } });
    }
    if (changes.length > 0) await new Promise<void>(committed => this.#outbox.settle({ changes, days: [], committed }));
    return changes.length;
  }
}
