/**
 * What waits, for operators: queues as people name them (domain@pool), their messages, and acts on them: due now, deleted.
 *
 * A queue people name is up to three of the spool's, one for each warm-up wish. Acts go through rows a chunk at a time, so
 * that mail goes on meanwhile; a row in flight is left alone.
 */
import { Refusal, type DeleteFilter } from '../control/operations.js';
import type { MessageView, QueueView } from '../control/view.js';
import { type Iso, messageView } from '../control/views.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import { type MessageNumber, parseMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { Settings } from '../kernel/settings.js';
import { globMatches, printable } from '../kernel/text.js';
import { printLane } from '../kernel/verdict.js';
import { DamagedBody, type Store } from '../spool/store.js';
import { JOB, queueName } from './jobs.js';

const CHUNK = 500;
/** Queues shown, busiest first. */
const MOST_QUEUES = 1_000;

export interface MailroomParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly settings: () => Settings;
  readonly node: number;
}

interface Found {
  readonly row: QueuedRecipient;
  /** Its name. */
  readonly queue: string;
}

export class Mailroom {
  readonly #parts: MailroomParts;

  constructor(parts: MailroomParts) {
    this.#parts = parts;
  }

  queues(iso: Iso): QueueView[] {
    const views = new Map<string, QueueView & { due: number | null; since: number | null }>();
    for (const queue of this.#parts.store.queues()) {
      if (queue.waiting === 0) continue;
      const name = queueName(queue);
      const waiting = this.#parts.dispatcher.backlog.waiting.get(queue.id);
      const head = queue.peek(1)[0];
      const view = views.get(name) ?? {
        pool: queue.pool,
        domain: printable(queue.domain),
        provider: null,
        waiting: 0,
        oldest: null,
        nextDue: null,
        due: null,
        since: null,
      };
      view.waiting += queue.waiting;
      view.provider ??= waiting?.provider === undefined ? null : printable(waiting.provider);
      view.since = least(view.since, head?.accepted ?? null);
      view.due = least(view.due, queue.nextDue);
      const trouble = waiting?.trouble;
      if (trouble !== undefined) view.note = printable(trouble);
      views.set(name, view);
    }
    return [...views.values()]
      .sort((a, b) => b.waiting - a.waiting)
      .slice(0, MOST_QUEUES)
      .map(({ due, since, ...view }) => ({ ...view, oldest: since === null ? null : iso(since), nextDue: due === null ? null : iso(due) }));
  }

  /** Everything a target may name. */
  names(
    governor: Pick<Governor, 'lanes'>,
    dispatcher: Pick<Dispatcher, 'lanes'>,
  ): { queues: string[]; lanes: string[]; providers: string[] } {
    const lanes = new Set([...governor.lanes().map(printLane), ...dispatcher.lanes.all.keys()]);
    return {
      queues: [...new Set([...this.#parts.store.queues()].map(queueName))],
      lanes: [...lanes],
      providers: [...new Set([...this.#parts.settings().providers.keys(), ...[...lanes].map(l => l.slice(l.indexOf('/') + 1))])],
    };
  }

  async messages(filter: { readonly queue?: string; readonly limit: number }, iso: Iso): Promise<MessageView[]> {
    const found = new Map<MessageNumber, Found[]>();
    for (const queue of this.#matching(filter.queue)) {
      if (found.size >= filter.limit) break;
      for (const row of await this.#parts.store.scan(queue, filter.limit)) {
        const rows = found.get(row.message);
        if (rows) rows.push({ row, queue: queueName(queue) });
        else if (found.size < filter.limit) found.set(row.message, [{ row, queue: queueName(queue) }]);
      }
    }
    return (await Promise.all([...found].map(([number, rows]) => this.#still(number, rows, iso)))).flat();
  }

  /** What was found a moment ago may have left since, or its body moved: then it is looked up anew. */
  async #still(number: MessageNumber, rows: readonly Found[], iso: Iso): Promise<MessageView[]> {
    try {
      return [await this.#view(number, rows, iso)];
    } catch {
      const now = await this.message(number, iso);
      return now ? [now.view] : [];
    }
  }

  /** One message with its waiting recipients; undefined when none waits. */
  async message(
    number: MessageNumber,
    iso: Iso,
  ): Promise<{ view: MessageView; rows: { row: QueuedRecipient; queue: Queue }[] } | undefined> {
    const rows: { row: QueuedRecipient; queue: Queue }[] = [];
    for await (const found of this.#parts.store.find(number)) rows.push(found);
    if (rows.length === 0) return undefined;
    const view = await this.#view(
      number,
      rows.map(r => ({ row: r.row, queue: queueName(r.queue) })),
      iso,
    );
    return { view, rows };
  }

  /** Makes what a queue, lane or message names due now; limits still hold. Returns how many recipients. */
  async retry(target: string): Promise<number> {
    const now = this.#parts.clock.now();
    const one = parseMessageId(target);
    if (one) {
      const rows: { row: QueuedRecipient; queue: Queue }[] = [];
      for await (const found of this.#parts.store.find(one.number)) rows.push(found);
      if (rows.length === 0) throw new Refusal(`no recipient of message ${target} waits`);
      const held = [...new Set(rows.map(({ queue }) => queue))].filter(queue => this.#parts.dispatcher.backlog.lookAgain(queue.id));
      const count = (await this.#due(rows, now)) + rows.filter(({ row, queue }) => row.due <= now && held.includes(queue)).length;
      this.#parts.dispatcher.queuesChanged();
      return count;
    }
    const queues = target.startsWith(JOB)
      ? this.#matching(undefined, target.slice(JOB.length))
      : target.includes('@')
        ? this.#matching(target)
        : this.#ofLane(target);
    if (queues.length === 0)
      throw new Refusal(`nothing waits in ${target}: name a queue domain@pool, a lane source/provider, job:NAME or a message id`);
    let count = 0;
    for (const queue of queues) {
      const held = this.#parts.dispatcher.backlog.lookAgain(queue.id);
      await this.#each(queue, async rows => {
        const later = rows.filter(row => row.due > now).map(row => ({ row, queue }));
        count += (await this.#due(later, now)) + (held ? rows.length - later.length : 0);
      });
    }
    this.#parts.dispatcher.queuesChanged();
    return count;
  }

  /** `by`: who deletes, and why. */
  async remove(filter: DeleteFilter, by: string): Promise<number> {
    if (filter.message !== undefined) {
      const id = parseMessageId(filter.message);
      if (!id) throw new Refusal(`${filter.message} is no message id`);
      const rows: { row: QueuedRecipient; queue: Queue }[] = [];
      for await (const found of this.#parts.store.find(id.number)) rows.push(found);
      return this.#delete(rows, filter, by);
    }
    let count = 0;
    for (const queue of this.#matching(filter.queue)) {
      if (filter.job !== undefined && queue.job !== '' && !globMatches(filter.job, queue.job)) continue;
      await this.#each(queue, async rows => {
        count += await this.#delete(
          rows.map(row => ({ row, queue })),
          filter,
          by,
        );
      });
    }
    return count;
  }

  #matching(pattern: string | undefined, job?: string): Queue[] {
    return [...this.#parts.store.queues()].filter(
      q =>
        q.waiting > 0 &&
        (pattern === undefined || globMatches(pattern, queueName(q))) &&
        (job === undefined || (q.job !== '' && globMatches(job, q.job))),
    );
  }

  #ofLane(lane: string): Queue[] {
    const [source = '', provider = ''] = lane.split('/');
    const pools = [...this.#parts.settings().pools.values()]
      .filter(p => p.sources.some(s => globMatches(source, s.source)))
      .map(p => p.name);
    const waiting = [...this.#parts.dispatcher.backlog.waiting.values()];
    const ids = new Set(waiting.filter(w => w.provider !== undefined && globMatches(provider, w.provider)).map(w => w.queue.id));
    return this.#matching(undefined).filter(q => pools.includes(q.pool) && ids.has(q.id));
  }

  async #each(queue: Queue, act: (rows: QueuedRecipient[]) => Promise<void>): Promise<void> {
    let from: QueuedRecipient | undefined;
    for (;;) {
      const rows: QueuedRecipient[] = await this.#parts.store.scan(queue, CHUNK, from);
      if (rows.length === 0) return;
      from = rows.at(-1);
      await act(rows);
      if (rows.length < CHUNK) return;
    }
  }

  async #due(rows: readonly { row: QueuedRecipient; queue: Queue }[], now: number): Promise<number> {
    const changes: RowChange[] = rows
      .filter(({ row, queue }) => row.due > now && queue.take(row))
      .map(({ row, queue }) => ({ row, queue, to: { due: now, state: row.state } }));
    if (changes.length > 0) await this.#parts.store.settle(changes, []);
    return changes.length;
  }

  async #delete(rows: readonly { row: QueuedRecipient; queue: Queue }[], filter: DeleteFilter, by: string): Promise<number> {
    const { clock, dispatcher } = this.#parts;
    const meant: { row: QueuedRecipient; queue: Queue }[] = [];
    for (const { row, queue } of rows) {
      if (filter.from !== undefined && !globMatches(filter.from, row.sender)) continue;
      if (filter.rcpt !== undefined && !globMatches(filter.rcpt, row.state.address)) continue;
      if (filter.olderThan !== undefined && clock.now() - row.accepted < filter.olderThan) continue;
      if (filter.job !== undefined) {
        const job = await this.#jobOf(row, queue);
        if (job === undefined || !globMatches(filter.job, job)) continue;
      }
      meant.push({ row, queue });
    }
    // Taken when nothing is waited for any more: who holds a row must settle it.
    const taken = new Map<Queue, QueuedRecipient[]>();
    for (const { row, queue } of meant) if (queue.take(row)) taken.set(queue, [...(taken.get(queue) ?? []), row]);
    let count = 0;
    for (const [queue, list] of taken) {
      count += list.length;
      await dispatcher.remove(queue, list, `deleted by ${by}`, !filter.dsn);
    }
    return count;
  }

  /** undefined: it has left meanwhile, or cannot be read. */
  async #jobOf(row: QueuedRecipient, queue: Queue): Promise<string | undefined> {
    if (queue.job !== '') return queue.job;
    try {
      return (await this.#parts.store.mail(row.body)).envelope.job ?? '';
    } catch (error) {
      if (error instanceof DamagedBody) return undefined;
      throw error;
    }
  }

  async #view(number: MessageNumber, rows: readonly Found[], iso: Iso): Promise<MessageView> {
    const first = rows[0]?.row as QueuedRecipient;
    const { envelope } = await this.#parts.store.mail(first.body);
    return messageView(
      { node: this.#parts.node, number, envelope, bytes: first.size },
      rows.map(({ row, queue }) => ({ state: row.state, queue, due: row.due })),
      iso,
    );
  }
}

const least = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));
