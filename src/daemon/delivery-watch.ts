/**
 * Looks once a minute whether mail leaves: a pool with due mail of which nothing was delivered for a while, a source that is
 * tried and delivers nothing, a disk without room. Says why, as `rampd why` would.
 *
 * A pool whose lanes have all had their day's mail, or wait for their first day, goes by its plan: that is no alert.
 */
import { reasonText } from '../control/reason-text.js';
import { isoWith, whyLane } from '../control/views.js';
import type { Backlog } from '../deliver/backlog.js';
import type { AccountingRecord } from '../kernel/accounting.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import { HOUR, type Instant, MINUTE, printDuration } from '../kernel/units.js';
import type { Alert } from '../outcome/alert.js';
import type { Store } from '../spool/store.js';
import type { Alerts } from './alerts.js';

const EVERY = MINUTE;
/** While it lasts it is told again after this. */
const AGAIN = HOUR;
/** Attempts without a delivery that make a source suspicious: one or two may have met the same dead mailbox. */
const LEAST_ATTEMPTS = 5;
const MOST_REASONS = 5;
const BY_PLAN: ReadonlySet<string> = new Set(['max-msg-per-day', 'schedule-start']);

export interface WatchParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly governor: Pick<Governor, 'explain'>;
  readonly store: Pick<Store, 'queues' | 'room'>;
  readonly backlog: Pick<Backlog, 'waiting'>;
  readonly alerts: Pick<Alerts, 'tell' | 'wanted'>;
}

/** Since when something could have been delivered and was not; when each alert last said so. */
class Silence {
  attempts = 0;
  /** Of a source: the last attempt, and what it was answered. */
  triedAt: Instant = Infinity;
  lastReply: string | undefined;
  readonly told = new Map<string, Instant>();

  constructor(public since: Instant) {}

  broken(now: Instant): void {
    this.since = now;
    this.attempts = 0;
    this.told.clear();
  }
}

export class DeliveryWatch {
  readonly #parts: WatchParts;
  readonly #pools = new Map<string, Silence>();
  readonly #sources = new Map<string, Silence>();
  readonly #disk = new Map<string, Instant>();
  #timer: Timer | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock } = this.#parts;
    this.#timer = clock.at(clock.now() + EVERY, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** An attempt came to an end. */
  note(record: AccountingRecord): void {
    if (record.type !== 'd' && record.type !== 't' && record.type !== 'b') return;
    if (record.type === 'd') this.#pools.get(record.pool)?.broken(record.logged);
    if (record.source === undefined || record.destinationIp === undefined) return;
    let silence = this.#sources.get(record.source);
    if (!silence) this.#sources.set(record.source, (silence = new Silence(record.logged)));
    if (record.type === 'd') return silence.broken(record.logged);
    if (silence.attempts++ === 0) silence.since = record.logged;
    silence.triedAt = record.logged;
    silence.lastReply = record.diag;
  }

  look(): void {
    const { clock, alerts, store } = this.#parts;
    const now = clock.now();
    if (alerts.wanted('nothing-delivered').length > 0) {
      this.#lookAtPools(now);
      this.#lookAtSources(now);
    }
    if (store.room() === 'ok') return this.#disk.clear();
    const alert: Alert = { kind: 'disk-full', at: now, subject: 'disk', text: 'the disk of the spool is full: new mail is answered 452' };
    for (const wish of alerts.wanted('disk-full')) {
      if (now - (this.#disk.get(wish.name) ?? -Infinity) < AGAIN) continue;
      this.#disk.set(wish.name, now);
      alerts.tell(alert, [wish]);
    }
  }

  #lookAtPools(now: Instant): void {
    const { store, backlog } = this.#parts;
    const due = new Map<string, { queues: number; providers: Map<string, number>; troubles: Set<string> }>();
    for (const queue of store.queues()) {
      if (queue.waiting === 0 || queue.nextDue === null || queue.nextDue > now) continue;
      const place = backlog.waiting.get(queue.id);
      // Paused by a person: nobody is surprised.
      if (place?.place === 'stuck') continue;
      let pool = due.get(queue.pool);
      if (!pool) due.set(queue.pool, (pool = { queues: 0, providers: new Map(), troubles: new Set() }));
      pool.queues++;
      if (place?.provider !== undefined) pool.providers.set(place.provider, (pool.providers.get(place.provider) ?? 0) + queue.waiting);
      if (place?.trouble !== undefined && pool.troubles.size < MOST_REASONS) pool.troubles.add(`${queue.domain}: ${place.trouble}`);
    }
    for (const name of [...this.#pools.keys()]) if (!due.has(name)) this.#pools.delete(name);
    for (const [name, { queues, providers, troubles }] of due) {
      let silence = this.#pools.get(name);
      if (!silence) this.#pools.set(name, (silence = new Silence(now)));
      const why = this.#why(name, providers, now);
      if (why.byPlan && troubles.size === 0) continue;
      const because = [...new Set([...why.because, ...troubles])].slice(0, MOST_REASONS);
      this.#tell(silence, now, span => ({
        kind: 'nothing-delivered',
        at: now,
        subject: name,
        pool: name,
        text: `nothing was delivered from pool ${name} for ${span}, and mail for ${queues} ${queues === 1 ? 'domain' : 'domains'} is due`,
        ...(because.length > 0 ? { because } : {}),
      }));
    }
  }

  #lookAtSources(now: Instant): void {
    const known = this.#parts.settings().sources;
    for (const [name, silence] of this.#sources) {
      if (!known.has(name)) this.#sources.delete(name);
      if (!known.has(name) || silence.attempts < LEAST_ATTEMPTS) continue;
      this.#tell(silence, now, span => ({
        kind: 'nothing-delivered',
        at: now,
        subject: name,
        source: name,
        text: `source ${name} delivered nothing for ${span}, in ${silence.attempts} attempts`,
        ...(silence.lastReply === undefined ? {} : { reply: silence.lastReply }),
      }));
    }
  }

  #tell(silence: Silence, now: Instant, alert: (span: string) => Alert): void {
    const { alerts } = this.#parts;
    for (const wish of alerts.wanted('nothing-delivered')) {
      const before = silence.told.get(wish.name) ?? -Infinity;
      // What has not been tried since then has nothing new to tell: there may be no mail.
      if (now - silence.since < wish.nothingFor || now - before < AGAIN || silence.triedAt <= before) continue;
      silence.told.set(wish.name, now);
      alerts.tell(alert(printDuration(Math.floor((now - silence.since) / MINUTE) * MINUTE)), [wish]);
    }
  }

  /** The binding reason of each lane that could take the mail, the fullest provider first. */
  #why(pool: string, providers: ReadonlyMap<string, number>, now: Instant): { because: string[]; byPlan: boolean } {
    const { governor, settings, clock } = this.#parts;
    const because: string[] = [];
    let byPlan = true;
    let lanes = 0;
    const fullest = [...providers].sort((a, b) => b[1] - a[1]).slice(0, MOST_REASONS);
    for (const [provider] of fullest) {
      for (const { source } of settings().pools.get(pool)?.sources ?? []) {
        const lane = { source, provider };
        const { verdict, lane: name } = whyLane(lane, governor.explain(lane, {}, now), isoWith(clock.wall() - clock.now()));
        const binding = verdict.because[0];
        lanes++;
        if (verdict.go || binding === undefined || !BY_PLAN.has(binding.limit)) byPlan = false;
        if (!verdict.go && binding !== undefined)
          because.push(`${name}: ${reasonText(binding)}${binding.reply === undefined ? '' : ` “${binding.reply}”`}`);
      }
    }
    return { because, byPlan: byPlan && lanes > 0 };
  }
}
