/**
 * Alerts: what people want to be told of without looking, as an object for programs and as a mail. Pure.
 *
 * Of a kind and a source (else a subject) at most one goes out in a while: a provider's trouble is felt on a thousand lanes at
 * once. What is left out meanwhile is counted, and told afterwards.
 */
import type { JournalRecord } from '../kernel/journal.js';
import type { Settings } from '../kernel/settings.js';
import type { AlertKind } from '../kernel/telling.js';
import { printable } from '../kernel/text.js';
import type { Instant, Ms } from '../kernel/units.js';
import { mailDate } from './mail-date.js';

export interface Alert {
  readonly kind: AlertKind;
  readonly at: Instant;
  /** What it is about: a source, a lane, a pool, a file, a webhook. */
  readonly subject: string;
  /** One sentence. */
  readonly text: string;
  readonly source?: string;
  readonly provider?: string;
  readonly pool?: string;
  readonly window?: string;
  /** The remote reply behind it. */
  readonly reply?: string;
  /** Why it is so, most important first. */
  readonly because?: readonly string[];
  /** Alerts of this kind that were left out, this one among them, and what they were about, as far as there is room. */
  readonly count?: number;
  readonly subjects?: readonly string[];
}

const KINDS: ReadonlySet<string> = new Set<AlertKind>(['window-opened', 'stage-braked', 'stage-held', 'stage-back', 'graduated']);

/** A change of a limit that is worth an alert; two when it also suspends the source. */
export function alertsOf(record: JournalRecord): Alert[] {
  if (!KINDS.has(record.type)) return [];
  const { source, provider, window, reply } = record;
  const alert: Alert = {
    kind: record.type as AlertKind,
    at: record.at,
    subject: [source ?? '*', ...(provider === undefined ? [] : [provider])].join('/'),
    text: record.text,
    ...(source === undefined ? {} : { source }),
    ...(provider === undefined ? {} : { provider }),
    ...(window === undefined ? {} : { window }),
    ...(reply === undefined ? {} : { reply }),
  };
  return suspends(record) ? [alert, { ...alert, kind: 'suspended' }] : [alert];
}

/** The third step back without an earned day stops a source until a person releases it; its progress says so. */
function suspends(record: JournalRecord): boolean {
  if (record.type !== 'stage-braked' && record.type !== 'stage-back') return false;
  return Object.values(record.state ?? {}).some(
    value => typeof value === 'object' && value !== null && 'suspended' in value && value.suspended === true,
  );
}

/** Subjects named of those that were left out. */
const NAMED = 20;

/** One in a while, the rest counted. */
export class Throttle {
  readonly #entries = new Map<string, { since: Instant; left: number; last: Alert; readonly subjects: Set<string> }>();

  constructor(private readonly every: Ms) {}

  /** The alert when it is to go out now. */
  offer(alert: Alert, now: Instant): Alert | undefined {
    const key = `${alert.kind} ${alert.source ?? alert.subject}`;
    const entry = this.#entries.get(key);
    if (!entry) {
      this.#entries.set(key, { since: now, left: 0, last: alert, subjects: new Set() });
      return alert;
    }
    entry.left++;
    entry.last = alert;
    if (entry.subjects.size < NAMED) entry.subjects.add(alert.subject);
    return undefined;
  }

  /** When `due` has something to do; undefined: never. */
  get next(): Instant | undefined {
    let next: Instant | undefined;
    for (const { since } of this.#entries.values()) next = Math.min(next ?? Infinity, since + this.every);
    return next;
  }

  /** What was left out and is told now: the last of each, with the count. */
  due(now: Instant): Alert[] {
    const told: Alert[] = [];
    for (const [key, entry] of this.#entries) {
      if (entry.since + this.every > now) continue;
      if (entry.left === 0) {
        this.#entries.delete(key);
        continue;
      }
      const several = { count: entry.left, ...(entry.subjects.size > 1 ? { subjects: [...entry.subjects] } : {}) };
      told.push(entry.left === 1 ? entry.last : { ...entry.last, ...several });
      entry.since = now;
      entry.left = 0;
      entry.subjects.clear();
    }
    return told;
  }
}

/** The JSON of a request. `time` prints a policy instant. */
export function alertObject(alert: Alert, hostName: string, time: (at: Instant) => string): object {
  const { at, ...said } = alert;
  return { host: hostName, time: time(at), ...said };
}

/** A mail for people; lines end in CRLF and are at most 998 bytes (RFC 5322 §2.1.1). */
export function alertMail(
  alert: Alert,
  parts: {
    readonly to: readonly string[];
    readonly settings: Pick<Settings, 'hostName' | 'dsn'>;
    readonly wall: number;
    readonly id: string;
  },
): Buffer {
  const { hostName, dsn } = parts.settings;
  const subject = ascii(`[rampd ${hostName}] ${alert.kind}: ${alert.subject}`).slice(0, 200);
  const target =
    alert.source === undefined ? undefined : [alert.source, ...(alert.provider === undefined ? [] : [alert.provider])].join('/');
  const lines = [
    `From: rampd <${dsn.from}>`,
    `To: ${parts.to.join(',\r\n ')}`,
    `Subject: ${subject}`,
    `Date: ${mailDate(parts.wall)}`,
    `Message-ID: <alert.${parts.id}@${hostName}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...wrapped(alert.text),
    ...(alert.count === undefined ? [] : ['', ...wrapped(countText(alert.count, alert.subjects))]),
    ...(alert.reply === undefined ? [] : ['', 'The receiving system said:', ...wrapped(alert.reply).map(line => `  ${line}`)]),
    ...(alert.because?.length ? ['', 'Because:', ...alert.because.flatMap(why => wrapped(`- ${why}`))] : []),
    '',
    ...(target === undefined ? ['More: rampd status'] : [`More: rampd why ${target}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

function countText(count: number, subjects: readonly string[] = []): string {
  const about = subjects.length === 0 ? '' : ` They were about: ${subjects.join(', ')}${subjects.length < NAMED ? '' : ' …'}`;
  return `This is the last of ${count} such alerts since the one before.${about}`;
}

const ascii = (text: string): string => printable(text).replace(/[^ -~]/g, '?');

function wrapped(text: string): string[] {
  const lines: string[] = [''];
  for (const word of printable(text, 2_000)
    .split(' ')
    .flatMap(long => long.match(/.{1,200}/gu) ?? [])) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > 78) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
