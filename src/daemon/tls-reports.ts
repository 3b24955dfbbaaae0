/**
 * Closes days of TLS counts: writes each domain's report (RFC 8460) to `state-dir/tls-reports`, and enqueues it for the
 * mailboxes its `_smtp._tls` record names, through our own spool. Without `tls: { report }` it does nothing.
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../kernel/clock.js';
import type { Envelope, NewRecipient } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import { DAY } from '../kernel/units.js';
import { utcDay, type TlsCounts, type TlsDomainCount } from '../outcome/tls-counts.js';
import { tlsReportMail } from '../outcome/tls-report-mail.js';
import { buildTlsReport, readTlsRua, tlsReportFile } from '../outcome/tls-report.js';
import type { DnsPort } from '../route/dns.js';
import type { Log } from './log.js';

const zip = promisify(gzip);
const KEPT_FOR = 60 * DAY;

export interface TlsReportsParts {
  readonly dir: string;
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly dns: Pick<DnsPort, 'txt'>;
  readonly counts: TlsCounts;
  /** Signs and enqueues mail of our own. */
  readonly send: (envelope: Envelope, recipients: readonly NewRecipient[], content: Buffer) => Promise<unknown>;
  readonly log: Log;
}

export class TlsReports {
  readonly #parts: TlsReportsParts;

  constructor(parts: TlsReportsParts) {
    this.#parts = parts;
  }

  /** Reports every day that is over and was not reported. Rejects when files cannot be written or mail not be enqueued. */
  async close(wall: number): Promise<void> {
    const { settings, counts, log } = this.#parts;
    if (!settings().tls?.report) return;
    const due = counts.finished(utcDay(wall)).filter(count => !count.reported);
    for (const count of due) {
      if (await this.#one(count, wall)) count.reported = true;
      else log.info({ domain: count.domain, day: count.day }, 'the TLS report waits: DNS does not say who wants it');
    }
    if (due.length > 0) await this.#sweep(wall);
  }

  /** False: who wants it is not known yet. */
  async #one(count: TlsDomainCount, wall: number): Promise<boolean> {
    const { dir, clock, settings, dns, send, log } = this.#parts;
    const { tls, hostName, dsn, pools } = settings();
    if (!tls?.report) return false;
    const reporter = { organization: tls.report.organization, contact: tls.report.from, hostName };
    const gzipped = await zip(JSON.stringify(buildTlsReport(count, reporter), null, 1));
    const folder = join(dir, 'tls-reports');
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await writeFile(join(folder, tlsReportFile(count, hostName).slice(-255)), gzipped, { mode: 0o640 });
    const answer = await dns.txt(`_smtp._tls.${count.domain}`);
    if (answer.kind === 'failed') return false;
    const to = answer.kind === 'found' ? readTlsRua(answer.records) : [];
    const pool = tls.report.pool ?? dsn.pool ?? [...pools.keys()][0];
    if (to.length === 0 || pool === undefined) return true;
    const envelope: Envelope = { sender: '', pool, warmUp: 'never', accepted: clock.now(), client: 'rampd', isDsn: true };
    await send(
      envelope,
      to.map(address => ({ address })),
      tlsReportMail(count, gzipped, reporter, to, wall),
    );
    log.info({ domain: count.domain, day: count.day, to }, 'TLS report sent');
    return true;
  }

  /** Files that are old go. */
  async #sweep(wall: number): Promise<void> {
    const folder = join(this.#parts.dir, 'tls-reports');
    for (const name of await readdir(folder)) {
      const file = join(folder, name);
      if (name.endsWith('.json.gz') && (await stat(file)).mtimeMs < wall - KEPT_FOR) await rm(file, { force: true });
    }
  }
}
