/**
 * The header of an incoming message: read once, over the header block only, and rewritten by cutting and prefixing.
 *
 * Our own X- fields are read and always cut out, whoever sent them: they never leak to a recipient. Nothing else is
 * changed. MIME is never looked at. Pure.
 */
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
  readonly hasDate: boolean;
  readonly hasMessageId: boolean;
  /** Values of our own fields, the first of each, unfolded and printable. */
  readonly own: Readonly<Partial<Record<OwnField, string>>>;
  /** Byte ranges of our own fields. */
  readonly cuts: readonly (readonly [start: number, end: number])[];
}

export type OwnField = 'x-pool' | 'x-job' | 'x-warm-up' | 'x-virtual-mta';
const OWN: ReadonlySet<string> = new Set<OwnField>(['x-pool', 'x-job', 'x-warm-up', 'x-virtual-mta']);

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const LONGEST_VALUE = 200;

/** Reads the header at the front of `block`, whose lines end in CRLF. */
export function scanHeader(block: Buffer): Header {
  const own: Partial<Record<OwnField, string>> = {};
  const cuts: [number, number][] = [];
  let received = 0;
  let hasDate = false;
  let hasMessageId = false;
  let cutting: { name: OwnField; start: number; value: number } | undefined;
  let seen = false;
  let at = 0;

  const endField = (end: number) => {
    if (!cutting) return;
    cuts.push([cutting.start, end]);
    own[cutting.name] ??= printable(block.toString('utf8', cutting.value, end).replace(/\s+/g, ' '), LONGEST_VALUE);
    cutting = undefined;
  };
  const result = (end: number, complete: boolean, needsBlank: boolean): Header => {
    endField(Math.min(end, at));
    return { end, complete, needsBlank, received, hasDate, hasMessageId, own, cuts };
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
      const letter = (first ?? 0) | 0x20;
      // Only fields that may begin like one of ours are worth a string: r, d, m, x.
      if (letter === 0x72 || letter === 0x64 || letter === 0x6d || letter === 0x78) {
        const name = block.toString('latin1', at, colon).trimEnd().toLowerCase();
        if (name === 'received') received++;
        else if (name === 'date') hasDate = true;
        else if (name === 'message-id') hasMessageId = true;
        else if (OWN.has(name)) cutting = { name: name as OwnField, start: at, value: colon + 1 };
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

/** The message as it is stored: `prefix` (complete CRLF lines), the header without our own fields, the body untouched. */
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
  if (header.needsBlank) {
    keep(from, header.end);
    out.push(Buffer.from('\r\n'));
    from = header.end;
  }
  keep(from, block.length);
  out.push(...rest);
  return out;
}

export interface Trace {
  /** Name given in HELO or EHLO; untrusted. */
  readonly helo: string;
  /** Address of the client. */
  readonly address: string;
  readonly by: string;
  readonly protocol: string;
  readonly id: string;
  /** Named only when the message has one recipient: nobody learns of another. */
  readonly recipient?: string;
  /** From mailDate. */
  readonly date: string;
}

/** The Received field (RFC 5321 §4.4). */
export function receivedField(trace: Trace): string {
  const from = trace.helo.replace(/[^a-z0-9.:[\]_-]/gi, '?') || 'unknown';
  const literal = trace.address.includes(':') ? `IPv6:${trace.address}` : trace.address;
  const recipient = trace.recipient === undefined ? '' : `\r\n\tfor <${trace.recipient}>`;
  return `Received: from ${from} ([${literal}])\r\n\tby ${trace.by} with ${trace.protocol} id ${trace.id}${recipient};\r\n\t${trace.date}\r\n`;
}
