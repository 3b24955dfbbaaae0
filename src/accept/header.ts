/**
 * The header of an incoming message: read once, over the header block only, and rewritten by cutting and prefixing.
 *
 * Our own X- fields are read and always cut out, whoever sent them: they never leak to a recipient. So are the fields the
 * configuration strips. Nothing else is changed, not even by a blank. MIME is never looked at. Pure.
 */
import type { MessageRules } from '../kernel/message-rules.js';
import { printable } from '../kernel/text.js';

export interface Header {
  /** Where the body begins: behind the blank line, or at the first line that is no header field. */
  readonly end: number;
  /** False when the block given ends before the header does. */
  readonly complete: boolean;
  /** The line between header and body is missing. */
  readonly needsBlank: boolean;
  /** Received fields, for the loop check. */
  readonly received: number;
  /** Those among them that this host wrote. */
  readonly passedHere: number;
  /** Values of Delivered-To, lower-case, without brackets. */
  readonly deliveredTo: readonly string[];
  readonly hasDate: boolean;
  readonly hasMessageId: boolean;
  /** Values of our own fields, the first of each, unfolded and printable. */
  readonly own: Readonly<Partial<Record<OwnField, string>>>;
  /** Byte ranges of our own fields and of those to be stripped. */
  readonly cuts: readonly (readonly [start: number, end: number])[];
}

export type OwnField = 'x-pool' | 'x-job' | 'x-warm-up' | 'x-virtual-mta' | 'x-envid' | 'x-queue-priority';
const OWN: ReadonlySet<string> = new Set<OwnField>(['x-pool', 'x-job', 'x-warm-up', 'x-virtual-mta', 'x-envid', 'x-queue-priority']);

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const LONGEST_VALUE = 200;
/** Values of Delivered-To that are looked at; a message with more of them has other troubles. */
const MOST_DELIVERED = 100;

/** What to look for. Worked out once for each configuration. */
export interface HeaderWatch {
  readonly strip: ReadonlySet<string>;
  /** Who wrote a Received field, when it was us. */
  readonly byUs: RegExp;
  /** 1 at the lower-case code of every letter a field of interest begins with: only those are worth a string. */
  readonly letters: Uint8Array;
}

export function headerWatch(rules: Pick<MessageRules, 'stripHeaders'>, hostName: string): HeaderWatch {
  const strip = new Set(rules.stripHeaders);
  const letters = new Uint8Array(256);
  for (const name of [...strip, ...OWN, 'received', 'date', 'message-id', 'delivered-to']) letters[name.charCodeAt(0)] = 1;
  const name = hostName.replace(/[^a-z0-9-]/gi, char => `\\${char}`);
  return { strip, letters, byUs: new RegExp(`\\sby\\s+${name}(?![a-z0-9.-])`, 'i') };
}

/** Reads the header at the front of `block`, whose lines end in CRLF. */
export function scanHeader(block: Buffer, watch: HeaderWatch): Header {
  const own: Partial<Record<OwnField, string>> = {};
  const cuts: [number, number][] = [];
  const deliveredTo: string[] = [];
  let received = 0;
  let passedHere = 0;
  let hasDate = false;
  let hasMessageId = false;
  let field: { name: string; start: number; value: number } | undefined;
  let seen = false;
  let at = 0;

  const endField = (end: number) => {
    if (!field) return;
    const { name, start, value } = field;
    field = undefined;
    if (name === 'received') {
      if (watch.byUs.test(block.toString('latin1', value, end))) passedHere++;
    } else if (name === 'delivered-to') {
      if (deliveredTo.length < MOST_DELIVERED)
        deliveredTo.push(
          block
            .toString('utf8', value, end)
            .replace(/[\s<>]/g, '')
            .toLowerCase(),
        );
    } else if (OWN.has(name)) {
      own[name as OwnField] ??= printable(block.toString('utf8', value, end).replace(/\s+/g, ' '), LONGEST_VALUE);
    }
    if (OWN.has(name) || watch.strip.has(name)) cuts.push([start, end]);
  };
  const result = (end: number, complete: boolean, needsBlank: boolean): Header => {
    endField(Math.min(end, at));
    return { end, complete, needsBlank, received, passedHere, deliveredTo, hasDate, hasMessageId, own, cuts };
  };

  while (at < block.length) {
    const newline = block.indexOf(LF, at);
    if (newline < 0) return result(block.length, false, true);
    const first = block[at];
    if (first === CR && newline === at + 1) return result(newline + 1, true, false);
    if (first === SPACE || first === TAB) {
      if (!seen) return result(at, true, true);
    } else {
      endField(at);
      const colon = fieldNameEnd(block, at, newline);
      if (colon < 0) return result(at, true, true);
      seen = true;
      if (watch.letters[(first ?? 0) | 0x20] === 1) {
        const name = block.toString('latin1', at, colon).trimEnd().toLowerCase();
        // A field that is stripped does not count as there.
        if (watch.strip.has(name) || OWN.has(name) || name === 'delivered-to') field = { name, start: at, value: colon + 1 };
        else if (name === 'date') hasDate = true;
        else if (name === 'message-id') hasMessageId = true;
        if (name === 'received') {
          received++;
          field = { name, start: at, value: colon + 1 };
        }
      }
    }
    at = newline + 1;
  }
  return result(block.length, false, true);
}

/** Index of the colon behind a field name (RFC 5322 §2.2; blanks before the colon are the obsolete form), or -1. */
function fieldNameEnd(block: Buffer, start: number, end: number): number {
  let blanks = false;
  for (let i = start; i < end; i++) {
    const c = block[i] ?? 0;
    if (c === COLON) return i > start ? i : -1;
    if (c === SPACE || c === TAB) blanks = true;
    else if (blanks || c < 33 || c > 126) return -1;
  }
  return -1;
}

/**
 * The message as it is stored: `prefix` (complete CRLF lines), the header without what is cut, the body untouched. The body
 * begins a buffer of its own, so that who reads the header copies nothing of it.
 */
export function rewritten(prefix: string, block: Buffer, header: Header, rest: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = prefix === '' ? [] : [Buffer.from(prefix, 'utf8')];
  const keep = (start: number, end: number) => {
    if (end > start) out.push(block.subarray(start, end));
  };
  let from = 0;
  for (const [start, end] of header.cuts) {
    keep(from, start);
    from = end;
  }
  keep(from, header.end);
  if (header.needsBlank) out.push(Buffer.from('\r\n'));
  keep(header.end, block.length);
  out.push(...rest);
  return out;
}
