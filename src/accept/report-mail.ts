/**
 * Mail from anybody for the addresses that take reports: bounces that come back, complaints of feedback loops. Nothing else
 * is taken from strangers, one recipient a transaction, so many a minute from one address, and of a large report only the
 * front, where what it says stands.
 *
 * Answered 250 once what follows from the report is durable. Never an open relay: what is taken here goes nowhere.
 */
import type { Readable } from 'node:stream';
import type { SMTPServerSession } from 'smtp-server';
import type { Clock } from '../kernel/clock.js';
import { MINUTE, type Instant } from '../kernel/units.js';
import { canonicalAddress } from './address.js';
import type { Budget } from './body.js';
import { peerOf } from './clients.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';

/** What takes reports, and whom they may be for; made by the daemon. */
export interface ReportPort {
  /** refused: an address of a report domain that is nobody's. undefined: none of ours. */
  addressee(address: string): ReportAddressee | 'refused' | undefined;
  receive(addressee: ReportAddressee, content: Buffer): Promise<void>;
}

/** Opaque here. */
export interface ReportAddressee {
  readonly kind: string;
}

/** What is kept of a report; delivery status and the header of what it returns stand in front. */
const REPORT_BYTES = 256 * 1024;
/** Addresses whose rate is remembered. */
const MOST_PEERS = 10_000;

type Envelope = SMTPServerSession['envelope'];

export class ReportMail {
  readonly #parts: Pick<AcceptParts, 'settings' | 'clock' | 'reports'>;
  readonly #budget: Budget;
  readonly #pace: Pace;
  /** smtp-server makes a new envelope for every transaction. */
  readonly #taken = new WeakMap<Envelope, { readonly address: string; readonly addressee: ReportAddressee }>();

  constructor(parts: Pick<AcceptParts, 'settings' | 'clock' | 'reports'>, budget: Budget) {
    this.#parts = parts;
    this.#budget = budget;
    this.#pace = new Pace(parts.clock);
  }

  /** May a stranger begin a transaction? Throws SmtpRefusal when it has begun too many. */
  admits(session: SMTPServerSession): boolean {
    const { feedback } = this.#parts.settings();
    if (!feedback || !this.#parts.reports) return false;
    if (!this.#pace.takes(peerOf(session.remoteAddress), feedback.maxMsgRate)) {
      throw new SmtpRefusal(450, '4.7.0', 'Too many reports from your address, try again in a minute');
    }
    return true;
  }

  /** True: the recipient takes reports, and this transaction is one. Throws SmtpRefusal. */
  takes(written: string, { envelope }: SMTPServerSession): boolean {
    const read = canonicalAddress(written);
    const address = read.ok ? read.address : written;
    const before = this.#taken.get(envelope);
    const addressee = this.#parts.reports?.addressee(address);
    if (addressee === 'refused') throw new SmtpRefusal(550, '5.1.1', 'No such recipient: its token is missing, wrong or too old');
    if (before ? before.address !== address : addressee !== undefined && envelope.rcptTo.length > 0) {
      throw new SmtpRefusal(452, '4.5.3', 'A report has one recipient');
    }
    if (addressee) this.#taken.set(envelope, { address, addressee });
    return addressee !== undefined;
  }

  /** The report to be read from `stream`, if this transaction is one. Resolves when it has been dealt with, or its client has gone. */
  read({ envelope }: SMTPServerSession, stream: Readable): Promise<'taken' | 'gone'> | undefined {
    const taken = this.#taken.get(envelope);
    const { reports } = this.#parts;
    if (!taken || !reports) return undefined;
    return this.#front(stream).then(async content => {
      if (!content) return 'gone';
      await reports.receive(taken.addressee, content);
      return 'taken';
    });
  }

  /** Reads all of it and keeps the front; undefined when the client goes away. */
  #front(stream: Readable): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let kept = 0;
      let full = false;
      const release = (): void => {
        this.#budget.used -= kept;
        kept = 0;
      };
      stream.on('data', (chunk: Buffer) => {
        const front = chunk.subarray(0, REPORT_BYTES - kept);
        if (front.length === 0) return;
        if (this.#budget.used + front.length > this.#budget.most) full = true;
        if (full) return;
        this.#budget.used += front.length;
        kept += front.length;
        chunks.push(front);
      });
      const gone = (): void => {
        release();
        resolve(undefined);
      };
      stream.on('error', gone);
      stream.on('close', gone);
      stream.on('end', () => {
        const content = Buffer.concat(chunks);
        release();
        if ((stream as { sizeExceeded?: boolean }).sizeExceeded) reject(new SmtpRefusal(552, '5.3.4', 'Message exceeds the size limit'));
        else if (full) reject(new SmtpRefusal(452, '4.3.1', 'Too much mail is arriving at once, try again later'));
        else resolve(content);
      });
    });
  }
}

/** So many a minute for each address, and as many at once; bounded, the longest silent forgotten first. */
class Pace {
  readonly #clock: Clock;
  readonly #peers = new Map<string, { left: number; at: Instant }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  takes(peer: string, perMinute: number): boolean {
    const now = this.#clock.now();
    const known = this.#peers.get(peer) ?? { left: perMinute, at: now };
    const left = Math.min(perMinute, known.left + ((now - known.at) * perMinute) / MINUTE);
    this.#peers.delete(peer);
    this.#peers.set(peer, { left: left >= 1 ? left - 1 : left, at: now });
    const oldest = this.#peers.size > MOST_PEERS ? this.#peers.keys().next().value : undefined;
    if (oldest !== undefined) this.#peers.delete(oldest);
    return left >= 1;
  }
}
