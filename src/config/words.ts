/**
 * The scalars of the configuration language: times, rates, counts, sizes, names, addresses, paths.
 *
 * Each is a zod schema with its JSON Schema; the parsing itself is in kernel/units.ts and address.ts.
 */
import { LONGEST_PERIOD } from '../kernel/limits.js';
import { printable } from '../kernel/text.js';
import { DAY, HOUR, parseCount, parseDuration, parseRate, parseSize, printDuration } from '../kernel/units.js';
import type { Ms, Rate } from '../kernel/units.js';
import { readCidr, readDnsServer, readDomain, readHostName, readListen, readNameGlob, readSmtpHost, readSourceIp } from './address.js';
import { scalar } from './shape.js';
import type { Read } from './shape.js';

const ZERO_HINT = 'a bare 0 could be read as "no limit" or as "nothing": say unlimited or none';
const withZeroHint = <T>(text: string, read: Read<T>): Read<T> =>
  !read.ok && /^0+(\.0*)?(\s*\/.*)?$/.test(text.trim()) ? { ...read, hint: ZERO_HINT } : read;

export const duration = scalar<Ms>(
  'bad-time',
  { type: 'string', description: 'a time such as 90s, 45m, 6h or 4d12h', examples: ['45m', '4d12h'] },
  text => {
    const read = parseDuration(text);
    return !read.ok && /^\d+(\.\d+)?$/.test(text) ? { ...read, hint: `the unit is missing: ${text}s, ${text}m or ${text}h?` } : read;
  },
);

/** A time above zero. */
export const positiveDuration = scalar<Ms>(
  'bad-time',
  { type: 'string', description: 'a time such as 90s, 45m, 6h or 4d12h', examples: ['45m', '4d12h'] },
  text => {
    const read = parseDuration(text);
    if (read.ok) return read.value > 0 ? read : { ok: false, allowed: 'a time above zero' };
    return /^\d+(\.\d+)?$/.test(text) ? { ...read, hint: `the unit is missing: ${text}s, ${text}m or ${text}h?` } : read;
  },
);

/** A time, or `none`, which is Infinity: the thing never happens. */
export const durationOrNever = scalar<Ms>(
  'bad-time',
  { type: 'string', description: 'a time such as 10d, or none', examples: ['10d', 'none'] },
  text => (text === 'none' ? { ok: true, value: Infinity } : parseDuration(text)),
);

export const rate = scalar<Rate>(
  'bad-rate',
  { type: 'string', description: 'a rate such as 200/h, 2/m or 500/15m, or unlimited, or none', examples: ['200/h', '2/m', '500/15m'] },
  text => {
    const read = parseRate(text);
    if (!read.ok && /^[1-9]\d*$/.test(text)) return { ...read, hint: `say the period: ${text}/h or ${text}/m?` };
    if (read.ok && read.value.per > LONGEST_PERIOD) return { ok: false, allowed: `a rate over at most ${printDuration(LONGEST_PERIOD)}` };
    return withZeroHint(text, read);
  },
);

export const count = scalar<number>(
  'bad-count',
  { type: ['integer', 'string'], description: 'a whole number from 1 up, or unlimited, or none', examples: [20, 'unlimited'] },
  text => withZeroHint(text, parseCount(text)),
);

/** A whole number from 1 up, or unlimited; `none` would only ever mean a mistake. */
export const someCount = scalar<number>(
  'bad-count',
  { type: ['integer', 'string'], description: 'a whole number from 1 up, or unlimited' },
  text => {
    const read = withZeroHint(text, parseCount(text));
    if (read.ok && read.value > 0) return read;
    return {
      ok: false,
      allowed: 'a whole number from 1 up, or unlimited',
      ...('hint' in read && read.hint !== undefined && { hint: read.hint }),
    };
  },
);

/** A whole number from 1 up that has no unlimited and no none. */
export const wholeNumber = scalar<number>('bad-count', { type: 'integer', description: 'a whole number from 1 up', minimum: 1 }, text =>
  /^[1-9]\d{0,8}$/.test(text) ? { ok: true, value: Number(text) } : { ok: false, allowed: 'a whole number from 1 up' },
);

/** `200/h`, `2/m`, or plain 200, as a number per `period`; fractions are cut, never rounded up. */
function perPeriod(period: Ms, unit: string, example: string) {
  const allowed = `a rate such as ${example}, or a whole number (per ${unit}), or unlimited, or none`;
  return scalar<number>('bad-rate', { type: ['string', 'integer'], description: allowed, examples: [example] }, text => {
    const plain = parseCount(text);
    if (plain.ok) return plain;
    const read = parseRate(text);
    if (!read.ok) return withZeroHint(text, { ok: false, allowed });
    const value = read.value.count === Infinity ? Infinity : Math.floor((read.value.count * period) / read.value.per);
    if (value >= 1 || read.value.count === 0) return { ok: true, value };
    return {
      ok: false,
      allowed,
      hint: `that is less than one in ${printDuration(period)}: a longer period is max-msg-per-day or max-msg-rate`,
    };
  });
}

/** Messages an hour. */
export const hourly = perPeriod(HOUR, 'hour', '200/h');
/** Messages a day. */
export const daily = perPeriod(DAY, 'day', '2000/d');

/** Bytes. */
export const size = scalar<number>(
  'bad-size',
  { type: ['string', 'integer'], description: 'a size such as 25MB or 500KB', examples: ['25MB'] },
  text => parseSize(text),
);

/** Not empty, and without what printable() would take away: these texts reach logs and terminals. */
const printableText = (text: string): boolean => text.trim() !== '' && printable(text, Infinity) === text.trim();

/** One line of text. */
export function textOf(description: string) {
  return scalar<string>('bad-text', { type: 'string', description }, text =>
    printableText(text) ? { ok: true, value: text } : { ok: false, allowed: `${description}, not empty` },
  );
}

export const path = scalar<string>('bad-path', { type: 'string', description: 'a path; a relative one starts at this file' }, text =>
  printableText(text) ? { ok: true, value: text } : { ok: false, allowed: 'a path' },
);

/** Fields without which a message is none (RFC 5322 §3.6), or no longer means what it meant (RFC 2045). */
const NEEDED = /^(from|sender|date|message-id|mime-version|content-.*)$/;

/** The name of a header field (RFC 5322 §2.2) that can be done without, in lower case. */
export const headerName = scalar<string>(
  'bad-header',
  { type: 'string', description: 'the name of a header field such as Bcc', examples: ['Bcc'] },
  text => {
    const name = text.toLowerCase();
    if (!/^[!-9;-~]{1,77}$/.test(text)) return { ok: false, allowed: 'the name of a header field such as Bcc' };
    if (NEEDED.test(name)) return { ok: false, allowed: 'a field that mail can do without', hint: `a message needs its ${text}` };
    return { ok: true, value: name };
  },
);

export const port = scalar<number>(
  'bad-port',
  { type: 'integer', description: 'a port from 1 to 65535', minimum: 1, maximum: 65_535 },
  text =>
    /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535
      ? { ok: true, value: Number(text) }
      : { ok: false, allowed: 'a port from 1 to 65535' },
);

/** A factor above 1, or unlimited, which is Infinity. */
export const factor = scalar<number>('bad-factor', { type: ['number', 'string'], description: 'a factor above 1, or unlimited' }, text => {
  if (text === 'unlimited') return { ok: true, value: Infinity };
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return value > 1 && value <= 1_000 ? { ok: true, value } : { ok: false, allowed: 'a factor above 1 such as 2, or unlimited' };
});

/** A share above 0 and at most 1. */
export const share = scalar<number>('bad-share', { type: 'number', description: 'a share above 0, at most 1', maximum: 1 }, text => {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  const value = percent !== undefined ? Number(percent) / 100 : /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  return value > 0 && value <= 1 ? { ok: true, value } : { ok: false, allowed: 'a share above 0 and at most 1, such as 0.5' };
});

export const hostname = scalar<string>('bad-name', { type: 'string', description: 'a host name such as mta1.example.com' }, readHostName);
export const domain = scalar<string>('bad-domain', { type: 'string', description: 'a domain such as example.com' }, readDomain);
export const nameGlob = scalar<string>('bad-glob', { type: 'string', description: 'a name, or a pattern such as *.example.com' }, text =>
  readNameGlob(text),
);
export const sourceAddress = scalar<string>('bad-address', { type: 'string', description: 'an IPv4 or IPv6 address' }, readSourceIp);
export const cidr = scalar<string>('bad-cidr', { type: 'string', description: 'an address or a CIDR range such as 10.0.0.0/8' }, readCidr);
export const listenAddress = scalar(
  'bad-address',
  { type: 'string', description: 'an address and a port such as 127.0.0.1:2525' },
  readListen,
);
export const smtpHost = scalar('bad-host', { type: 'string', description: 'a host, with a port or without' }, readSmtpHost);
export const dnsServer = scalar('bad-address', { type: 'string', description: 'an address, with a port or without' }, readDnsServer);

/** Names people give to sources, pools, providers and schedules. `/` and `@` are taken: lanes and queues are written with them. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const NAME_RULE = 'letters, digits, dot, hyphen and underscore, at most 64, beginning with a letter or digit';

export const name = scalar<string>('bad-name', { type: 'string', description: `a name: ${NAME_RULE}`, pattern: NAME.source }, text =>
  NAME.test(text) ? { ok: true, value: text } : { ok: false, allowed: NAME_RULE },
);
