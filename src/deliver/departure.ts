/**
 * One transaction from permit to committed outcomes: body from the spool, MAIL FROM behind the ledger, an answer for each
 * recipient, classification, the governor told, accounting and rows committed, and notices for who is to be told.
 */
import type { DayRow } from '../kernel/day.js';
import { domainOf, printMessageId, type QueuedRecipient } from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { ReplyMatch } from '../kernel/reply.js';
import { HOUR } from '../kernel/units.js';
import type { Permit } from '../kernel/verdict.js';
import { accountingRecord, type Via } from './account.js';
import { type Conclusion, conclude, type Fate } from './conclude.js';
import type { Outbox } from './outbox.js';
import type { DeliverPorts, End, Mail } from './ports.js';
import type { Session } from './session.js';
import { tell, type Telling } from './tell.js';
import type { Answer, TransactionResult } from './transaction.js';
import type { Underway } from './underway.js';

export interface Departure {
  readonly permit: Permit;
  readonly queue: Queue;
  readonly rows: readonly QueuedRecipient[];
}

/** void: the permit was void, nothing was sent. */
export type Departed = { readonly sent: false } | { readonly sent: true; readonly result: TransactionResult };

const COUNTED: Readonly<Record<Fate, NonNullable<RowChange['count']>>> = {
  delivered: 'delivered',
  deferred: 'deferred',
  bounced: 'bounced',
  discarded: 'bounced',
  expired: 'bounced',
  suppressed: 'suppressed',
  deleted: 'deleted',
};

export class Departures {
  readonly #ports: DeliverPorts;
  readonly #outbox: Outbox;
  readonly #underway: Underway;

  constructor(ports: DeliverPorts, outbox: Outbox, underway: Underway) {
    this.#ports = ports;
    this.#outbox = outbox;
    this.#underway = underway;
  }

  /** Never rejects. Rows are given back when nothing was sent, else they are settled. */
  async run(departure: Departure, session: Session): Promise<Departed> {
    const { permit, queue } = departure;
    const { governor, clock, store, events } = this.#ports;
    const first = departure.rows[0] as QueuedRecipient;
    let mail: Mail;
    try {
      mail = await store.mail(first.body);
    } catch (error) {
      governor.refund(permit, departure.rows.length, clock.now());
      this.#unreadable(departure, error as Error);
      return { sent: false };
    }
    const { sender } = mail.envelope;
    const own = sender === '' ? undefined : this.#ports.reversePath?.({ row: first, envelope: mail.envelope, lane: permit.lane });
    const rows = own === undefined ? departure.rows : this.#alone(departure);
    if (!(await this.#presented(permit))) {
      for (const row of rows) queue.giveBack(row);
      return { sent: false };
    }
    if (events.has('departed')) {
      events.emit('departed', { ...permit.lane, message: first.message, recipients: rows.length, at: clock.now() });
    }
    const states = rows.map(r => r.state);
    const how = { message: first.message, signAnew: this.#ports.signAnew };
    const result = await session.send(mail.envelope, own ?? sender, states, mail.content, how);
    if (!result.seen && result.answers.every(a => a.reply.code === 0 && !a.own)) {
      // The connection had gone before a byte of MAIL FROM: the provider never saw the attempt.
      governor.refund(permit, rows.length, clock.now());
      for (const row of rows) queue.giveBack(row);
      return { sent: false };
    }
    this.#settle({ permit, queue, rows }, session, mail, result);
    return { sent: true, result };
  }

  /** A transaction has one MAIL FROM: where it names the first recipient, the others go back and leave on their own. */
  #alone({ permit, queue, rows }: Departure): readonly QueuedRecipient[] {
    const others = rows.slice(1);
    if (others.length > 0) this.#ports.governor.refund(permit, others.length, this.#ports.clock.now());
    for (const row of others) queue.giveBack(row);
    return rows.slice(0, 1);
  }

  /** A body the disk does not give back is no reason to stop everybody's mail: it waits an hour, and the log says so. */
  #unreadable({ rows, queue }: Departure, error: Error): void {
    const { clock, log } = this.#ports;
    const now = clock.now();
    log.error({ message: rows[0]?.message, error: error.message }, 'the body of a message cannot be read from the spool');
    const last = { at: now, class: 'transient' as const, reply: `body unreadable: ${error.message}`, source: '', host: '' };
    const changes = rows.map(row => ({ row, queue, to: { due: now + HOUR, state: { ...row.state, last } } }));
    this.#outbox.settle({ changes, days: [], committed: () => undefined });
  }

  #presented(permit: Permit): Promise<boolean> {
    return new Promise(resolve => this.#outbox.depart(() => resolve(this.#ports.governor.present(permit, this.#ports.clock.now()))));
  }

  #settle(departure: Departure, session: Session, mail: Mail, result: TransactionResult): void {
    const { permit, rows, queue } = departure;
    const { governor, clock } = this.#ports;
    const now = clock.now();
    const classifier = this.#ports.classifier();
    const matches = rows.map((row, i): ReplyMatch => {
      const answer = result.answers[i] as Answer;
      if (answer.own) return { ...answer.own, scope: 'recipient', reply: answer.reply, phase: answer.phase };
      return classifier.classify(answer.reply, {
        provider: permit.lane.provider,
        phase: answer.phase,
        recipientDomain: domainOf(row.state.address),
      });
    });
    const skipped = matches.find(match => match.rule?.action === 'skip-mx');
    if (skipped) {
      const { host, address } = session;
      this.#ports.memory.failed({ ...permit.lane, host, address }, skipped.reply.line);
      session.retire();
    }
    // This connection has had its fill: the next message finds another one.
    if (matches.some(match => match.scope === 'connection')) session.retire();
    const message = printMessageId(this.#ports.settings().node, (rows[0] as QueuedRecipient).message);
    const settled = rows.map((row, i) => ({
      match: matches[i] as ReplyMatch,
      recipient: row.state.address,
      counted: row.state.counted ?? [],
      message,
    }));
    if (!result.seen) governor.refund(permit, rows.length, now);
    const { counted, days } = result.seen ? governor.settle(permit, now, settled, now) : { counted: settled.map(s => s.counted), days: [] };
    const limits = governor.laneLimits(permit.lane);
    const stickyFor = this.#ports.settings().pools.get(queue.pool)?.stickyFor ?? 0;
    const conclusions = rows.map((row, i) =>
      conclude(
        {
          row,
          match: matches[i] as ReplyMatch,
          counted: counted[i],
          uncertain: result.uncertain,
          source: permit.lane.source,
          host: session.host,
        },
        limits,
        stickyFor,
        now,
        this.#ports.random,
      ),
    );
    void this.finish(
      queue,
      mail,
      rows.map((row, i) => ({ row, match: matches[i] as ReplyMatch, conclusion: conclusions[i] as Conclusion })),
      { lane: permit.lane, address: session.address, host: session.host, esmtp: session.esmtp, uncertain: result.uncertain },
      days,
      { relayed: result.relayed === true },
    );
  }

  /** Accounts, sends notices for what is final, commits; resolves when committed, or when a notice could not be stored and the daemon ends. */
  finish(queue: Queue, mail: Mail, attempted: readonly End[], via: Via, days: readonly DayRow[], how: Telling = {}): Promise<void> {
    const { clock, settings, governor } = this.#ports;
    const { bounceAfter } = governor.laneLimits(via.lane);
    const { ends, notices } = tell(attempted, mail, queue, { ...how, bounceAfter }, settings(), clock);
    const changes: RowChange[] = ends.map(({ row, conclusion }) => ({
      row,
      queue,
      to: conclusion.fate === 'deferred' ? { due: conclusion.due as number, state: conclusion.state } : null,
      count: COUNTED[conclusion.fate],
      uncertain: via.uncertain,
    }));
    for (const end of ends) {
      this.#ports.account(
        accountingRecord(end, { queue, mail, via, settings: settings(), stage: governor.stageOf(via.lane.source), clock }),
      );
    }
    const beside = this.#ports.remember?.(ends) ?? [];
    const settled = (): Promise<void> => new Promise(committed => this.#outbox.settle({ changes, days, beside, committed }));
    if (notices.length === 0) return settled();
    // A notice is durable before its recipient is gone: after a crash it may come twice, never not at all.
    const stored = Promise.all(notices.map(n => this.#ports.store.accept(n.envelope, n.recipients, n.content)));
    return this.#underway.add(stored.then(settled, (error: Error) => this.#ports.failed(error)));
  }
}
