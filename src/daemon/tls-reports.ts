/**
 * Closes days of TLS counts: writes each domain's report (RFC 8460) to `state-dir/tls-reports`, and takes it to whom its
 * `_smtp._tls` record names: mailboxes through our own spool, `https:` addresses by POST. Without `tls: { report }` it does nothing.
 *
 * Who did not take it is tried again with growing pauses, over restarts too, and given up within a day (section 5.5). A report
 * is mailed once. Few are under way at a time; of a host that fails, no other report waits in the same round.
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../kernel/clock.js';
import type { Envelope, NewRecipient } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { DAY, HOUR, MINUTE, type Ms } from '../kernel/units.js';
import { utcDay, type TlsCounts, type TlsDomainCount } from '../outcome/tls-counts.js';
import { tlsReportMail } from '../outcome/tls-report-mail.js';
import type { ReportPost } from '../outcome/tls-report-post.js';
import { buildTlsReport, readTlsRua, tlsReportFile, type TlsReporter } from '../outcome/tls-report.js';
import type { DnsPort } from '../route/dns.js';
import type { Log } from './log.js';

const zip = promisify(gzip);
const KEPT_FOR = 60 * DAY;
const AT_ONCE = 8;
/** At 0 h, 1 h, 3 h, 7 h and 15 h. */
const TRIES_MOST = 5;
const pauseAfter = (tries: number): Ms => HOUR * 2 ** (tries - 1);
/** Looks come each hour, more or less. */
const SLACK = 5 * MINUTE;
/** How the mailboxes, which are served together, are remembered. */
const MAILED = 'mailto:';

export interface TlsReportsParts {
  readonly dir: string;
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly dns: Pick<DnsPort, 'txt'>;
  readonly counts: TlsCounts;
  /** Signs and enqueues mail of our own. */
  readonly send: (envelope: Envelope, recipients: readonly NewRecipient[], content: Buffer) => Promise<unknown>;
  readonly post: ReportPost;
  readonly log: Log;
}

export class TlsReports {
  readonly #parts: TlsReportsParts;
  readonly #stopping = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(parts: TlsReportsParts) {
    this.#parts = parts;
  }

  /** Reports every day that is over and was not reported. Rejects when files cannot be written or mail not be enqueued. */
  close(wall: number): Promise<void> {
    this.#closing ??= this.#close(wall).finally(() => (this.#closing = undefined));
    return this.#closing;
  }

  /** Resolves when nothing is under way; what was not done is done after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#closing?.catch(() => undefined);
  }

  async #close(wall: number): Promise<void> {
    const { settings, counts, log } = this.#parts;
    if (!settings().tls?.report) return;
    const due = counts.finished(utcDay(wall)).filter(count => !count.reported && isDue(count, wall));
    const round: Round = { wall, failing: new Set(), waiting: 0 };
    const left = due.values();
    let trouble: { readonly error: unknown } | undefined;
    const work = async (): Promise<void> => {
      for (const count of left) {
        if (this.#stopping.signal.aborted) return;
        await this.#one(count, round).catch((error: unknown) => (trouble ??= { error }));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (round.waiting > 0) log.info({ reports: round.waiting }, 'TLS reports wait: DNS does not say who wants them');
    if (due.length > 0) await this.#sweep(wall);
    if (trouble) throw trouble.error;
  }

  async #one(count: TlsDomainCount, round: Round): Promise<void> {
    const { settings, dns } = this.#parts;
    const { tls, hostName } = settings();
    if (!tls?.report) return;
    const reporter = { organization: tls.report.organization, contact: tls.report.from, hostName };
    const gzipped = await zip(JSON.stringify(buildTlsReport(count, reporter), null, 1));
    await this.#keep(count, gzipped, hostName);
    const answer = await this.#unlessStopped(dns.txt(`_smtp._tls.${count.domain}`));
    if (!answer) return;
    if (answer.kind === 'failed') return void round.waiting++;
    const { mailboxes, urls } = readTlsRua(answer.kind === 'found' ? answer.records : []);
    if (mailboxes.length > 0 && !count.served?.includes(MAILED)) await this.#mail(count, gzipped, reporter, mailboxes, round.wall);
    const open = urls.filter(url => !count.served?.includes(url));
    for (const url of open) await this.#post(count, url, gzipped, round);
    if (this.#stopping.signal.aborted) return;
    if (urls.some(url => !count.served?.includes(url))) {
      count.tries = (count.tries ?? 0) + 1;
      count.triedAt = round.wall;
      if (count.tries < TRIES_MOST) return;
      this.#parts.log.warn({ domain: count.domain, day: count.day }, 'a TLS report is given up: who wants it did not take it');
    }
    count.reported = true;
  }

  /** A stop waits for nobody. */
  #unlessStopped<T>(asked: Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stopping;
    return new Promise((resolve, reject) => {
      const stop = (): void => resolve(undefined);
      signal.addEventListener('abort', stop, { once: true });
      asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  async #keep(count: TlsDomainCount, gzipped: Buffer, hostName: string): Promise<void> {
    const folder = join(this.#parts.dir, 'tls-reports');
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await writeFile(join(folder, tlsReportFile(count, hostName).slice(-255)), gzipped, { mode: 0o640 });
  }

  async #mail(count: TlsDomainCount, gzipped: Buffer, reporter: TlsReporter, to: readonly string[], wall: number): Promise<void> {
    const { clock, settings, send, log } = this.#parts;
    const { tls, dsn, pools } = settings();
    const pool = tls?.report?.pool ?? dsn.pool ?? [...pools.keys()][0];
    if (pool === undefined || this.#stopping.signal.aborted) return;
    const envelope: Envelope = { sender: '', pool, warmUp: 'never', accepted: clock.now(), client: 'rampd', isDsn: true };
    await send(
      envelope,
      to.map(address => ({ address })),
      tlsReportMail(count, gzipped, reporter, to, wall),
    );
    count.served = [...(count.served ?? []), MAILED];
    log.info({ domain: count.domain, day: count.day, to }, 'TLS report sent');
  }

  /** Never rejects: who cannot be reached is tried again. */
  async #post(count: TlsDomainCount, url: string, gzipped: Buffer, round: Round): Promise<void> {
    const { post, log } = this.#parts;
    const { host } = new URL(url);
    if (round.failing.has(host) || this.#stopping.signal.aborted) return;
    const about = { domain: count.domain, day: count.day, to: printable(url, 300) };
    try {
      const answer = await this.#unlessStopped(post(url, gzipped, this.#stopping.signal));
      if (!answer) return;
      const { status, text } = answer;
      if (status < 200 || status > 299) throw new Error(text);
      count.served = [...(count.served ?? []), url];
      log.info({ ...about, answer: text }, 'TLS report sent');
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      round.failing.add(host);
      log.info({ ...about, error: printable((error as Error).message, 300) }, 'a TLS report was not taken');
    }
  }

  /** Files that are old go. */
  async #sweep(wall: number): Promise<void> {
    const folder = join(this.#parts.dir, 'tls-reports');
    for (const name of await readdir(folder).catch(() => [])) {
      const file = join(folder, name);
      if (name.endsWith('.json.gz') && (await stat(file)).mtimeMs < wall - KEPT_FOR) await rm(file, { force: true });
    }
  }
}

interface Round {
  readonly wall: number;
  /** Hosts that did not take a report in this round. */
  readonly failing: Set<string>;
  /** Reports of which DNS did not say who wants them. */
  waiting: number;
}

const isDue = ({ tries = 0, triedAt = -Infinity }: TlsDomainCount, wall: number): boolean =>
  tries === 0 || wall >= triedAt + pauseAfter(tries) - SLACK;
