/**
 * Where reports about delivered mail are dealt with: whom a token names, what the report says of them, and what follows for
 * the suppression list, the gates and the accounts.
 *
 * Only a token that we signed, not older than `keep-for`, is believed, and only about the one recipient it names. A report
 * counts once, however often it comes. What changes is durable before the report is acknowledged; whatever cannot be
 * believed or read is kept aside and changes nothing.
 */
import type { AccountingRecord, Reported } from '../kernel/accounting.js';
import type { Clock } from '../kernel/clock.js';
import type { DayRow } from '../kernel/day.js';
import type { Governor } from '../kernel/governor.js';
import { domainOf, printMessageId } from '../kernel/message.js';
import type { FeedbackSettings } from '../kernel/feedback.js';
import type { Settings } from '../kernel/settings.js';
import type { SideRow } from '../kernel/suppression.js';
import { DAY } from '../kernel/units.js';
import { bounceCategory } from '../outcome/bounce-category.js';
import { readBounce } from '../outcome/bounce-report.js';
import type { Classifier } from '../outcome/classify.js';
import { COMPLAINTS, readComplaint } from '../outcome/complaint-report.js';
import { readMail } from '../outcome/mime-read.js';
import { bounceAddress, findToken, readToken, type Token } from '../outcome/verp-token.js';
import type { Departing } from '../deliver/ports.js';
import { complaintRow, countsRow, seenRow, type ReportCounts, type ReportKind, type ReportRows } from '../spool/report-rows.js';
import { dayOf, type Sent, type SentLog } from '../spool/sent-log.js';
import type { Aside } from './aside.js';
import { bounceDomainFor } from './bounce-domain.js';
import type { SuppressionList } from './suppression.js';

export interface DeskParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly secret: () => Buffer;
  readonly sent: SentLog;
  readonly reports: ReportRows;
  readonly aside: Aside;
  readonly suppression: Pick<SuppressionList, 'entry'>;
  readonly governor: Governor;
  readonly classifier: () => Classifier;
  readonly account: (record: AccountingRecord) => void;
  /** Resolves when durable. */
  readonly commit: (days: readonly DayRow[], beside: readonly SideRow[]) => Promise<void>;
}

/** Whom mail from strangers may be for. */
export type Addressee = { readonly kind: 'bounce'; readonly token: Token } | { readonly kind: 'fbl' };

/** What a report came to; `why` it was put aside. */
type Came = { readonly what: ReportKind | 'repeated' | 'ignored' } | { readonly what: 'aside'; readonly why: string };

export class FeedbackDesk {
  readonly #parts: DeskParts;
  readonly #counts: ReportCounts;
  /** Reports being committed. */
  readonly #busy = new Map<string, Promise<void>>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#counts = parts.reports.counts();
  }

  get counts(): Readonly<ReportCounts> {
    return this.#counts;
  }

  /** The reverse path of a recipient about to leave; undefined: the sender's own. */
  reversePath({ row, envelope, lane }: Departing): string | undefined {
    const { settings, clock, sent, secret } = this.#parts;
    const { feedback, pools, sources, node } = settings();
    const domain =
      feedback && pools.get(envelope.pool)?.verp ? bounceDomainFor(domainOf(envelope.sender), feedback.bounceDomains) : undefined;
    if (domain === undefined) return undefined;
    const place = sent.append({
      message: row.message,
      index: row.index,
      departed: clock.now(),
      accepted: row.accepted,
      address: sources.get(lane.source)?.address ?? '',
      source: lane.source,
      provider: lane.provider,
      recipient: row.state.address,
      sender: envelope.sender,
      pool: envelope.pool,
      client: envelope.client,
      ...(envelope.job === undefined ? {} : { job: envelope.job }),
      ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
      ...(row.state.orcpt === undefined ? {} : { orcpt: row.state.orcpt }),
    });
    return bounceAddress({ node, ...place, message: row.message, index: row.index }, domain, secret());
  }

  /** Is this an address of ours for reports? 'refused': it could be, and is not: no token, a forged one, one that is too old. */
  addressee(address: string): Addressee | 'refused' | undefined {
    const { feedback } = this.#parts.settings();
    if (!feedback) return undefined;
    const form = address.toLowerCase();
    if (feedback.fbl.includes(form)) return { kind: 'fbl' };
    if (!feedback.bounceDomains.includes(domainOf(form))) return undefined;
    const token = readToken(form.slice(0, form.lastIndexOf('@')), this.#parts.secret());
    return token && this.#believed(token, feedback) ? { kind: 'bounce', token } : 'refused';
  }

  /** Resolves when what follows from it is durable; its first bytes will do. */
  async receive(addressee: Addressee, content: Buffer): Promise<void> {
    const done = addressee.kind === 'bounce' ? await this.#bounced(addressee.token, content) : await this.#complained(content);
    const { aside, clock } = this.#parts;
    if (done.what === 'aside') await aside.keep(content, done.why, clock.wall());
    // Counted with what they changed: bounces and complaints.
    if (done.what !== 'bounce' && done.what !== 'complaint') await this.#count(done.what, [], []);
  }

  async #bounced(token: Token, content: Buffer): Promise<Came> {
    const { sent: log, classifier, governor, clock, suppression } = this.#parts;
    const sent = await log.find(token, token.message, token.index);
    if (!sent) return { what: 'aside', why: 'nothing is known of the mail its token names' };
    const report = readBounce(readMail(content), sent.recipient);
    if (!report) return { what: 'aside', why: 'neither a delivery status report nor a text that quotes a permanent reply' };
    const { action, status, reply, remoteMta, reportingMta } = report;
    const known = {
      ...this.#reported(sent),
      action,
      diag: reply.line,
      ...(status === undefined ? {} : { status }),
      ...(remoteMta === undefined ? {} : { mta: remoteMta }),
      ...(reportingMta === undefined ? {} : { reportingMta }),
    };
    const { recipient } = sent;
    if (action !== 'failed') {
      this.#parts.account({ type: 'rs', ...known });
      return { what: 'ignored' };
    }
    return this.#once(token, 'bounce', () => {
      const match = classifier().classify(reply, { provider: sent.provider, phase: 'rcpt', recipientDomain: domainOf(recipient) });
      const rule = match.rule && `${match.rule.provider}/${match.rule.id}`;
      const cls = match.class === 'delivered' ? 'other' : match.class;
      const hard = cls === 'mailbox.unknown' || cls === 'mailbox.inactive';
      this.#parts.account({
        type: 'rb',
        ...known,
        class: cls,
        category: bounceCategory(cls),
        ...(rule === undefined ? {} : { rule }),
      });
      return {
        days: governor.bounced(sent, sent.departed, cls, clock.now()),
        beside: hard ? suppression.entry(recipient, sent.sender, cls, reply.line) : [],
      };
    });
  }

  async #complained(content: Buffer): Promise<Came> {
    const { settings, secret, sent: log, governor, clock, suppression } = this.#parts;
    const report = readComplaint(readMail(content));
    if (!report) return { what: 'aside', why: 'not a complaint: it returns no message' };
    const { where, ...said } = report;
    const { feedback } = settings();
    const token = where.map(text => findToken(text, feedback?.bounceDomains ?? [], secret())).find(found => found !== undefined);
    if (!feedback || !token || !this.#believed(token, feedback))
      return { what: 'aside', why: 'the message it returns has no reverse path of ours' };
    const sent = await log.find(token, token.message, token.index);
    if (!sent) return { what: 'aside', why: 'nothing is known of the mail its token names' };
    const record: AccountingRecord = { type: 'f', ...this.#reported(sent), ...said };
    const { recipient, address, provider } = sent;
    if (!COMPLAINTS.has(report.feedbackType)) {
      this.#parts.account(record);
      return { what: 'ignored' };
    }
    return this.#once(token, 'complaint', () => {
      this.#parts.account(record);
      const now = clock.now();
      governor.complained(sent, now);
      return {
        days: [],
        beside: [
          complaintRow({ at: now, address, provider }, nameOf(token)),
          ...suppression.entry(
            recipient,
            sent.sender,
            'complaint',
            `${report.feedbackType} reported by ${said.userAgent ?? 'a feedback loop'}`,
          ),
        ],
      };
    });
  }

  /** What a report changes happens once, and is durable before anybody hears that it was done. */
  async #once(
    token: Token,
    kind: ReportKind,
    act: () => { readonly days: readonly DayRow[]; readonly beside: readonly SideRow[] },
  ): Promise<Came> {
    const key = `${kind} ${token.day} ${nameOf(token)}`;
    for (let busy = this.#busy.get(key); busy; busy = this.#busy.get(key)) await busy;
    if (this.#parts.reports.seen(token.day, nameOf(token), kind)) return { what: 'repeated' };
    const { days, beside } = act();
    const seen = seenRow(token.day, nameOf(token), kind, this.#parts.clock.now());
    const committed = this.#count(kind, days, [...beside, seen]).finally(() => this.#busy.delete(key));
    this.#busy.set(key, committed);
    await committed;
    return { what: kind };
  }

  #count(what: Came['what'], days: readonly DayRow[], beside: readonly SideRow[]): Promise<void> {
    const counter = ({ bounce: 'bounces', complaint: 'complaints', repeated: 'repeated', ignored: 'ignored', aside: 'aside' } as const)[
      what
    ];
    this.#counts[counter]++;
    return this.#parts.commit(days, [...beside, countsRow(this.#counts)]);
  }

  /** Of this node, and neither too old nor from a day to come. */
  #believed({ node, day }: Token, { keepFor }: FeedbackSettings): boolean {
    const { clock, settings } = this.#parts;
    const now = clock.now();
    return node === settings().node && day <= dayOf(now) && (day + 1) * DAY > now - keepFor;
  }

  #reported(sent: Sent): Reported {
    const { clock, settings } = this.#parts;
    const { address, source, provider, job, envid, orcpt, pool } = sent;
    return {
      logged: clock.now(),
      queued: sent.accepted,
      orig: sent.sender,
      rcpt: sent.recipient,
      ...(orcpt === undefined ? {} : { orcpt }),
      client: sent.client,
      source,
      sourceIp: address,
      provider,
      ...(job === undefined ? {} : { job }),
      ...(envid === undefined ? {} : { envid }),
      queue: `${domainOf(sent.recipient)}@${pool}`,
      pool,
      message: printMessageId(settings().node, sent.message),
    };
  }
}

/** What names the mail of a token among those of its day. */
const nameOf = ({ offset, message, index }: Token): string => `${offset}.${message}.${index}`;
