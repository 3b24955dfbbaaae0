/**
 * Recipients that end without an attempt: their time is over while a limit, a pause of DNS or a dead route held them, their
 * domain can never be delivered to, they came on the suppression list while they waited, or a person deletes them. They get
 * their accounting record and their notice like any other failure.
 */
import type { Envelope, QueuedRecipient } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import type { OutcomeClass, Reply, ReplyMatch } from '../kernel/reply.js';
import { suppressedText, type Suppression } from '../kernel/suppression.js';
import { MINUTE, type Ms } from '../kernel/units.js';
import { networkReply, parseReply } from '../outcome/reply.js';
import type { Departures } from './departure.js';
import type { DeliverPorts, Mail } from './ports.js';
import type { Underway } from './underway.js';

/** Recipients ended at a time, so that a dead backlog does not hold up the living. */
const BATCH = 100;
/** Looked at first: a queue whose next few are not over is not read from the disk any further. */
const FIRST_LOOK = 8;
/** How long the last attempt, due when the time is over, has to begin. */
const LAST_CALL: Ms = MINUTE;

/** Enhanced codes of domains that take no mail: RFC 7505 §4.1, RFC 3463 §3.2. */
const STATUS = { 'null-mx': '5.1.10', 'no-domain': '5.1.2' } as const;

type Why = 'expired' | 'dns' | 'suppressed' | 'deleted';

export interface QueueFacts {
  bounceAfter(queue: Queue): Ms;
  /** Why nothing could leave, when the queue or its MX hosts were the cause. */
  trouble(queue: Queue): string | undefined;
  /** False: what is left is left to the next start. */
  running(): boolean;
}

export class Expiry {
  readonly #ports: DeliverPorts;
  readonly #departures: Departures;
  readonly #queues: QueueFacts;
  readonly #underway: Underway;
  readonly #sweeping = new Set<Queue>();

  constructor(ports: DeliverPorts, departures: Departures, underway: Underway, queues: QueueFacts) {
    this.#queues = queues;
    this.#ports = ports;
    this.#departures = departures;
    this.#underway = underway;
  }

  /** True when the head's time is over; it and those behind it are then being bounced. */
  expired(queue: Queue): boolean {
    const head = queue.peek(1)[0];
    if (!head || !this.#over(queue, head)) return false;
    void this.#endOver(queue, BATCH);
    return true;
  }

  /** Bounces recipients whose time is over, as long as there are any among the next; resolves when that is committed. */
  async sweep(queue: Queue): Promise<void> {
    if (queue.nextDue === null || queue.nextDue > this.#ports.clock.now() || this.#sweeping.has(queue)) return;
    this.#sweeping.add(queue);
    try {
      let found = await this.#endOver(queue, FIRST_LOOK);
      while (found > 0 && this.#queues.running()) found = await this.#endOver(queue, BATCH);
    } finally {
      this.#sweeping.delete(queue);
    }
  }

  /** How many of the next `most` were over. */
  async #endOver(queue: Queue, most: number): Promise<number> {
    const rows = queue.peek(most).filter(row => this.#over(queue, row) && queue.take(row));
    if (rows.length === 0) return 0;
    const trouble = this.#queues.trouble(queue);
    const reply = (row: QueuedRecipient): Reply =>
      row.state.last ? parseReply(row.state.last.reply) : networkReply(trouble ?? 'no attempt was possible in the time it had');
    await this.#end(queue, rows, 'expired', reply);
    return rows.length;
  }

  /** The domain can never be delivered to (RFC 7505, RFC 5321 §5.1): everything due is bounced. */
  async bounceDomain(queue: Queue, { kind, text }: { kind: keyof typeof STATUS; text: string }): Promise<void> {
    const now = this.#ports.clock.now();
    const rows = queue.peek(BATCH).filter(row => row.due <= now && queue.take(row));
    await this.#end(queue, rows, 'dns', () => ({ ...networkReply(text), enhanced: STATUS[kind] }));
  }

  /**
   * Those of `rows` that may be mailed. The others, and with them whoever of the next in line is on the suppression list, end
   * here; `ended` is called when that is committed.
   */
  mailable(queue: Queue, rows: readonly QueuedRecipient[], ended: () => void): readonly QueuedRecipient[] {
    const { suppressed, clock } = this.#ports;
    if (!suppressed) return rows;
    const why = (row: QueuedRecipient): Suppression | undefined => suppressed(row.state.address, row.sender);
    if (!rows.some(why)) return rows;
    const now = clock.now();
    const entries = new Map<QueuedRecipient, Suppression>();
    for (const row of new Set([...rows, ...queue.peek(BATCH).filter(r => r.due <= now)])) {
      const entry = why(row);
      if (entry) entries.set(row, entry);
    }
    const reply = (row: QueuedRecipient): Reply => ({ ...networkReply(suppressedText(entries.get(row)!)), enhanced: '5.7.1' });
    const taken = [...entries.keys()].filter(row => queue.take(row));
    void this.#end(queue, taken, 'suppressed', reply).then(ended);
    return rows.filter(row => !entries.has(row));
  }

  /** Recipients that a person deletes, taken already. `text` says who and why. */
  async remove(queue: Queue, rows: readonly QueuedRecipient[], text: string, silent: boolean): Promise<void> {
    await this.#end(queue, rows, 'deleted', () => networkReply(text), silent);
  }

  #over(queue: Queue, row: QueuedRecipient): boolean {
    const now = this.#ports.clock.now();
    if (row.due > now) return false;
    const end = row.accepted + this.#queues.bounceAfter(queue);
    // The last attempt falls on the end itself, see conclude.ts: up to the next whole millisecond, as the spool keeps it.
    const isLastCall = row.due >= end && row.due < end + 1;
    return now > (isLastCall ? end + LAST_CALL : end);
  }

  #end(queue: Queue, rows: readonly QueuedRecipient[], why: Why, reply: (row: QueuedRecipient) => Reply, silent = false): Promise<void> {
    const cls: OutcomeClass = why === 'deleted' ? 'other' : why;
    const all = async (): Promise<void> => {
      const ends: Promise<void>[] = [];
      for (const row of rows) {
        // A notice can be written without the body; an unreadable one must not keep its recipient for ever.
        const mail: Mail = await this.#ports.store.mail(row.body).catch(() => ({ envelope: nameless(queue, row), content: [] }));
        const match: ReplyMatch = { class: cls, scope: 'recipient', reply: reply(row), phase: 'connect', fate: 'bounce' };
        const conclusion = { fate: why === 'dns' ? ('bounced' as const) : why, class: cls, state: row.state };
        const via = { lane: { source: row.state.last?.source ?? '', provider: '' }, address: '', host: '', uncertain: false };
        ends.push(this.#departures.finish(queue, mail, [{ row, match, conclusion }], via, [], { silent }));
      }
      await Promise.all(ends);
    };
    return this.#underway.add(all());
  }
}

const nameless = (queue: Queue, row: QueuedRecipient): Envelope => ({
  sender: row.sender,
  pool: queue.pool,
  warmUp: queue.warmUp,
  accepted: row.accepted,
  client: '',
});
