/**
 * What left with a reverse path of its own, so that a report that comes back days later finds whom it is about: one line of
 * JSON a departure, one file a day. A token names day and offset; finding a line is one read.
 *
 * Lines are handed in before MAIL FROM and written once a turn, so a report cannot come before its line. They survive the
 * death of the process, not a power cut of the last seconds: what is lost then is found by nobody, and never mistaken for
 * another's (message and recipient are compared). Trouble with the disk never stops mail.
 */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageNumber } from '../kernel/message.js';
import { DAY, type Instant } from '../kernel/units.js';

export interface Sent {
  readonly message: MessageNumber;
  readonly index: number;
  readonly departed: Instant;
  readonly accepted: Instant;
  /** Of the source. */
  readonly address: string;
  readonly source: string;
  readonly provider: string;
  readonly recipient: string;
  readonly sender: string;
  readonly pool: string;
  readonly client: string;
  readonly job?: string;
  readonly envid?: string;
  readonly orcpt?: string;
}

export interface Place {
  /** Days since the epoch, policy time. */
  readonly day: number;
  readonly offset: number;
}

/** A line is never longer: addresses have at most 254 bytes, what clients say is cut. */
const LONGEST_LINE = 8_192;
const LONGEST_WORD = 500;

export const dayOf = (at: Instant): number => Math.floor(at / DAY);

export class SentLog {
  readonly #dir: string;
  readonly #trouble: (error: Error) => void;
  #file: { readonly day: number; readonly fd: number } | undefined;
  #lines: Buffer[] = [];
  /** Where the first line that is not written yet will stand, and where the next one will. */
  #written = 0;
  #position = 0;

  /** `trouble` is called when lines were lost. */
  constructor(dir: string, trouble: (error: Error) => void) {
    this.#dir = dir;
    this.#trouble = trouble;
  }

  append(sent: Sent): Place {
    const day = dayOf(sent.departed);
    if (this.#file?.day !== day) this.#turnTo(day);
    const line = Buffer.from(lineOf(sent));
    const offset = this.#position;
    this.#lines.push(line);
    this.#position += line.length;
    return { day, offset };
  }

  /** Before any MAIL FROM of this turn. Never throws. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = Buffer.concat(this.#lines);
    const at = this.#written;
    this.#lines = [];
    // What cannot be written leaves a hole: no other line may stand where a token points.
    this.#written = this.#position;
    try {
      if (!this.#file) throw new Error('the file is not open');
      for (let done = 0; done < bytes.length;) done += writeSync(this.#file.fd, bytes, done, bytes.length - done, at + done);
    } catch (error) {
      this.#trouble(error as Error);
    }
  }

  /** undefined: it was lost, or its day is forgotten. */
  async find({ day, offset }: Place, message: MessageNumber, index: number): Promise<Sent | undefined> {
    try {
      const file = await open(this.#path(day), 'r');
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, offset);
        const end = buffer.subarray(0, bytesRead).indexOf(10);
        const sent = end < 0 ? undefined : readLine(buffer.toString('utf8', 0, end));
        return sent?.message === message && sent.index === index ? sent : undefined;
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }

  /** Forgets days before this one. */
  prune(before: number): void {
    if (!existsSync(this.#dir)) return;
    for (const name of readdirSync(this.#dir)) {
      const day = /^sent-(\d+)\.ndjson$/.exec(name)?.[1];
      if (day !== undefined && Number(day) < before) unlinkSync(join(this.#dir, name));
    }
  }

  close(): void {
    this.flush();
    if (this.#file) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #turnTo(day: number): void {
    this.close();
    this.#written = this.#position = 0;
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      const fd = openSync(this.#path(day), 'a+', 0o600);
      closeSync(fd);
      // Not for appending: lines stand where their tokens say.
      this.#file = { day, fd: openSync(this.#path(day), 'r+') };
      this.#written = this.#position = fstatSync(this.#file.fd).size;
    } catch (error) {
      this.#trouble(error as Error);
    }
  }

  #path(day: number): string {
    return join(this.#dir, `sent-${day}.ndjson`);
  }
}

const cut = (text: string | undefined): string | null => text?.slice(0, LONGEST_WORD) ?? null;

function lineOf(s: Sent): string {
  const words = [s.address, s.source, s.provider, s.recipient, s.sender, s.pool, s.client, s.job, s.envid, s.orcpt].map(cut);
  return `${JSON.stringify([s.message, s.index, Math.floor(s.departed), Math.floor(s.accepted), ...words])}\n`;
}

function readLine(text: string): Sent | undefined {
  const line = JSON.parse(text) as unknown;
  if (!Array.isArray(line) || line.length !== 14) return undefined;
  const numbers = line.slice(0, 4) as unknown[];
  const words = line.slice(4) as unknown[];
  if (!numbers.every(n => typeof n === 'number') || !words.every(w => w === null || typeof w === 'string')) return undefined;
  const [message, index, departed, accepted] = numbers as [number, number, number, number];
  const [address, source, provider, recipient, sender, pool, client, job, envid, orcpt] = words as (string | null)[];
  return {
    message,
    index,
    departed,
    accepted,
    address: address ?? '',
    source: source ?? '',
    provider: provider ?? '',
    recipient: recipient ?? '',
    sender: sender ?? '',
    pool: pool ?? '',
    client: client ?? '',
    ...(typeof job === 'string' ? { job } : {}),
    ...(typeof envid === 'string' ? { envid } : {}),
    ...(typeof orcpt === 'string' ? { orcpt } : {}),
  };
}
