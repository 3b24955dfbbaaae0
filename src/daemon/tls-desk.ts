/**
 * The desk of TLS policies: keeps MTA-STS policies and the counts of TLS over restarts, refreshes policies, and closes each UTC
 * day with its reports (RFC 8460): a file for every domain, and a copy to those that ask for it.
 *
 * Promises: a lost or broken file of its own costs a fetch or some counts, never mail and never the start; reports wait for a
 * DNS that does not answer, at most until the day after. Reports never warm an address and never cause a notice.
 */
import { join } from 'node:path';
import type { Clock, Timer } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import { TLS_DEFAULTS, type Settings } from '../kernel/settings.js';
import type { TlsResult } from '../kernel/tls.js';
import { DAY, HOUR, SECOND } from '../kernel/units.js';
import { TlsCounts, utcDay } from '../outcome/tls-counts.js';
import { createReportPost } from '../outcome/tls-report-post.js';
import type { DnsPort } from '../route/dns.js';
import { createStsFetch } from '../route/mta-sts-fetch.js';
import { createStsPolicies, type StsPolicies } from '../route/mta-sts-policies.js';
import type { Router } from '../route/router.js';
import type { TlsView } from '../control/tls-view.js';
import { KeptFile } from './kept-file.js';
import type { Log } from './log.js';
import { TlsReports, type TlsReportsParts } from './tls-reports.js';

/** A file is written so long after a change, and later by the second figure for each domain: a large one is not written all the time. */
const SAVE_AFTER = 10 * SECOND;
const SAVE_EACH = 20;
/** Finished days that `show tls` still shows. */
const DAYS_SHOWN = 2;

export interface TlsDeskParts extends Omit<TlsReportsParts, 'counts' | 'post'> {
  readonly dir: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly settings: () => Settings;
  readonly dns: DnsPort;
  readonly addresses: Router['addresses'];
  readonly log: Log;
}

export class TlsDesk {
  readonly sts: StsPolicies;
  readonly counts: TlsCounts;
  readonly #parts: TlsDeskParts;
  readonly #reports: TlsReports;
  readonly #policyFile: KeptFile;
  readonly #countFile: KeptFile;
  readonly #timers = new Set<Timer>();
  /** Changed since they were written. */
  readonly #unsaved = new Set<KeptFile>();
  #saving: Promise<void> = Promise.resolve();
  #stopped = false;
  #off: () => void = () => undefined;

  constructor(parts: TlsDeskParts) {
    const { dir, clock, events, settings, dns, addresses, log } = parts;
    const trouble = (text: string): void => log.warn({}, text);
    this.#parts = parts;
    this.#policyFile = new KeptFile(join(dir, 'mta-sts.json'), trouble);
    this.#countFile = new KeptFile(join(dir, 'tls-counts.json'), trouble);
    this.counts = new TlsCounts(this.#countFile.read());
    const post = createReportPost({
      addresses: (name, port) => addresses({ name, port, preference: 0, static: false }),
      ca: () => settings().tls?.ca?.pem,
      port: () => (settings().tls ?? TLS_DEFAULTS).httpsPort,
    });
    this.#reports = new TlsReports({ ...parts, counts: this.counts, post });
    this.sts = createStsPolicies({
      clock,
      txt: name => dns.txt(name),
      fetch: createStsFetch({ settings, addresses }),
      before: this.#policyFile.read(),
      changed: () => this.#touched(this.#policyFile),
      report: result => events.emit('tls', result),
    });
    this.#off = events.on('tls', result => this.#count(result));
  }

  /** Days that ended while nobody looked are closed at once. */
  start(): void {
    void this.tidy();
    this.#every(HOUR);
  }

  /** What is hourly: policies that are due, days that are over. Never rejects. */
  async tidy(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.sts.refresh();
      await this.#reports.close(clock.wall());
      const oldest = utcDay(clock.wall() - DAYS_SHOWN * DAY);
      for (const count of this.counts.finished(oldest)) this.counts.forget(count);
    } catch (error) {
      log.error({ error: (error as Error).message }, 'TLS reports');
    }
    // Who has a report is not to get it twice.
    this.#unsaved.add(this.#countFile);
    await this.#save();
  }

  view(): TlsView {
    const iso = (ms: number): string => new Date(ms).toISOString();
    return {
      policies: this.sts.kept().map(({ domain, fetched, policy }) => ({
        domain,
        mode: policy.mode,
        mx: [...policy.mx],
        fetched: iso(fetched),
        expires: iso(fetched + policy.maxAge * SECOND),
      })),
      domains: this.counts.list(),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#off();
    for (const timer of this.#timers) timer.cancel();
    await this.#reports.stop();
    await this.#save();
  }

  #count(result: TlsResult): void {
    this.counts.add(result, this.#parts.clock.wall());
    this.#touched(this.#countFile);
  }

  #touched(file: KeptFile): void {
    const planned = this.#unsaved.size > 0;
    this.#unsaved.add(file);
    if (!planned) this.#after(SAVE_AFTER + SAVE_EACH * this.counts.size, () => void this.#save());
  }

  /** Resolves when nothing is being written any more. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const files = [...this.#unsaved];
    this.#unsaved.clear();
    if (files.includes(this.#policyFile)) await this.#policyFile.write(() => this.sts.kept());
    if (files.includes(this.#countFile)) await this.#countFile.write(() => this.counts.list());
  }

  #every(period: number): void {
    this.#after(period, () => {
      void this.tidy();
      this.#every(period);
    });
  }

  #after(period: number, act: () => void): void {
    if (this.#stopped) return;
    const { clock } = this.#parts;
    const timer = clock.at(clock.now() + period, () => {
      this.#timers.delete(timer);
      if (!this.#stopped) act();
    });
    this.#timers.add(timer);
  }
}
