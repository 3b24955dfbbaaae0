/**
 * The compact writing of a rule: `CODE TEXT DOMAINGLOB, WINDOW, CONNECTIONS, MESSAGES-PER-HOUR`.
 *
 * `421 RP-001 *, 1h, 5, 1000`: a 421 whose text has RP-001, for every recipient domain, opens a window of one hour with at
 * most 5 connections and 1000 messages an hour. TEXT may have spaces; it is an enhanced code when it looks like n.n.n.
 * The last word before the first comma is the domain glob; `*` as a count leaves that limit as it is. Pure.
 */
import { printable } from '../kernel/text.js';
import { parseCount, parseDuration, parseRate, perHour } from '../kernel/units.js';
import type { Ms } from '../kernel/units.js';
import { readNameGlob } from './address.js';

export interface Compact {
  readonly code: string;
  readonly text?: string;
  readonly enhanced?: string;
  readonly domain?: string;
  readonly window: Ms;
  readonly maxSmtpOut?: number;
  readonly maxMsgPerHour?: number;
}

export interface CompactFault {
  readonly what: string;
  readonly allowed: string;
  readonly hint?: string;
}

export const COMPACT_FORM = '"CODE TEXT DOMAIN, WINDOW, CONNECTIONS, MESSAGES-PER-HOUR" such as "421 RP-001 *, 1h, 5, 1000"';
export const ENHANCED = /^[245]\.\d{1,3}\.(\d{1,3}|x)$/;
export const CODE = /^([45]\d\d|[45]xx)$/;

const refuse = (what: string, allowed = COMPACT_FORM, hint?: string): CompactFault => ({
  what,
  allowed,
  ...(hint !== undefined && { hint }),
});

export function readCompact(line: string): { rule: Compact } | { fault: CompactFault } {
  if (printable(line, Infinity) !== line.trim()) return { fault: refuse('the rule has characters that cannot be printed') };
  const comma = line.indexOf(',');
  if (comma < 0) return { fault: refuse('the rule has no commas') };
  const words = line.slice(0, comma).trim().split(/\s+/);
  const fields = line
    .slice(comma + 1)
    .split(',')
    .map(field => field.trim());
  const [code, ...rest] = words;
  const domain = rest.pop();
  if (code === undefined || !CODE.test(code))
    return { fault: refuse(`"${code ?? ''}" is no reply code`, 'a code such as 421, 4xx or 5xx') };
  if (domain === undefined)
    return { fault: refuse('the rule has no domain before the first comma', COMPACT_FORM, 'write * for every domain') };
  const glob = readNameGlob(domain, true);
  if (!glob.ok) return { fault: refuse(`"${domain}" is no domain pattern`, glob.allowed, 'hint' in glob ? glob.hint : undefined) };
  if (fields.length !== 3)
    return {
      fault: refuse(
        `the rule has ${fields.length} fields behind its pattern`,
        COMPACT_FORM,
        'the fields are window, connections, messages per hour; write * to leave one as it is',
      ),
    };
  const [window = '', connections = '', messages = ''] = fields;
  const span = parseDuration(window);
  if (!span.ok || span.value <= 0) return { fault: refuse(`"${window}" is no window`, 'a time such as 45m or 1h') };
  const most = quantity(connections);
  if (most === undefined) return { fault: refuse(`"${connections}" is no number of connections`, 'a whole number from 1 up, or *') };
  const hourly = quantity(messages);
  if (hourly === undefined)
    return { fault: refuse(`"${messages}" is no number of messages per hour`, 'a whole number from 1 up, a rate such as 20/m, or *') };
  if (most === '*' && hourly === '*')
    return { fault: refuse('the rule changes nothing: both counts are *', 'connections or messages per hour') };
  const text = rest.join(' ');
  const enhanced = ENHANCED.test(text);
  return {
    rule: {
      code,
      ...(text !== '' && text !== '*' && (enhanced ? { enhanced: text } : { text })),
      ...(domain !== '*' && { domain: glob.value }),
      window: span.value,
      ...(most !== '*' && { maxSmtpOut: most }),
      ...(hourly !== '*' && { maxMsgPerHour: hourly }),
    },
  };
}

function quantity(text: string): number | '*' | undefined {
  if (text === '*') return '*';
  const plain = parseCount(text);
  if (plain.ok) return Number.isFinite(plain.value) && plain.value > 0 ? plain.value : undefined;
  const rate = parseRate(text);
  const value = rate.ok ? Math.floor(perHour(rate.value)) : 0;
  return Number.isFinite(value) && value >= 1 ? value : undefined;
}

/** `421 RP-001 *` → `421-rp-001`; a domain other than * is part of it, since two such rules differ by nothing else. */
export function compactId(rule: Compact): string {
  return [rule.code, rule.enhanced ?? rule.text, rule.domain]
    .filter(part => part !== undefined)
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|[-.]+$/g, '')
    .slice(0, 64);
}
