/**
 * Feedback as part of the daemon: its secret, its files in `state-dir/feedback`, its desk, and what must be forgotten in time.
 *
 * Everything stands ready whether the settings ask for it or not, so that a reload may; no file is made before it is needed.
 */
import { join } from 'node:path';
import { MINUTE } from '../kernel/units.js';
import type { Settings } from '../kernel/settings.js';
import { COMPLAINT_WINDOW } from '../govern/warm-up-complaints.js';
import { dayOf, SentLog } from '../spool/sent-log.js';
import type { ReportRows } from '../spool/report-rows.js';
import { Aside } from './aside.js';
import { FeedbackDesk, type DeskParts } from './feedback-desk.js';
import { feedbackSecret } from './feedback-secret.js';
import type { Log } from './log.js';

/** Rows forgotten in one commit. */
const FORGET = 500;
/** Trouble with the disk is told so often. */
const REMIND = 10 * MINUTE;
const NO_SECRET = Buffer.alloc(0);

export interface FeedbackParts extends Omit<DeskParts, 'secret' | 'sent' | 'aside' | 'reports'> {
  readonly stateDir: string;
  readonly reports: ReportRows;
  readonly log: Log;
}

export class Feedback {
  readonly desk: FeedbackDesk;
  readonly #parts: FeedbackParts;
  readonly #sent: SentLog;
  #secret: Buffer = NO_SECRET;
  #remindAt = -Infinity;

  constructor(parts: FeedbackParts) {
    this.#parts = parts;
    this.#sent = new SentLog(join(parts.stateDir, 'feedback', 'sent'), error => this.#trouble(error));
    this.desk = new FeedbackDesk({
      ...parts,
      secret: () => this.#secret,
      sent: this.#sent,
      aside: new Aside(join(parts.stateDir, 'feedback-aside')),
    });
  }

  /** For new settings, before they are in force. Throws FaultError and changes nothing; the function returned cannot fail. */
  prepare(settings: Settings): () => void {
    const secret = settings.feedback ? feedbackSecret(settings) : this.#secret;
    return () => void (this.#secret = secret);
  }

  /** Before any MAIL FROM of this turn. Never throws. */
  flush(): void {
    this.#sent.flush();
  }

  /** Forgets mail that no token may name any more, and old complaints. */
  async prune(): Promise<void> {
    const { clock, settings, reports, commit } = this.#parts;
    const now = clock.now();
    // Without `feedback:` nothing is forgotten: it may come back with the next reload.
    const keepFor = settings().feedback?.keepFor;
    const before = keepFor === undefined ? 0 : dayOf(now - keepFor);
    try {
      this.#sent.prune(before);
    } catch (error) {
      this.#trouble(error as Error);
    }
    for (;;) {
      const rows = reports.outdated(before, now - COMPLAINT_WINDOW, FORGET);
      if (rows.length === 0) return;
      await commit([], rows);
    }
  }

  close(): void {
    this.#sent.close();
  }

  #trouble(error: Error): void {
    const { clock, log } = this.#parts;
    if (clock.now() < this.#remindAt) return;
    this.#remindAt = clock.now() + REMIND;
    log.error(
      { error: error.message },
      'what leaves cannot be noted for reports that come back: bounces and complaints about it will be lost',
    );
  }
}
