/**
 * The header of a message as DKIM sees it: its fields, which of them are signed, and the bytes that are (RFC 6376 §3.4.1,
 * §3.4.2, §3.7, §5.4).
 *
 * Text here is latin1: one character a byte, so that what is signed is what was sent. Pure.
 */
import type { Canonicalization } from '../kernel/settings.js';

export interface Field {
  /** Lower-case. */
  readonly name: string;
  /** The whole field with its folding, without the CRLF at its end. */
  readonly text: string;
}

/**
 * Fields that stand at most once (RFC 5322 §3.6; RFC 2045 for those of MIME): listed once more than they are present, so that
 * adding one breaks the signature, also where there is none yet (RFC 6376 §5.4 and §8.15: a second From or Subject in front of
 * the signed one is what people would see).
 */
const SEALED = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'reply-to',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
] as const;

/**
 * Signed where they stand, and sealed only there. Lists add their own (RFC 2369, RFC 2919), and a signature should survive
 * that; where the sender gives a way to unsubscribe, RFC 8058 §4 wants it signed, and nobody should put another beside it.
 */
const SEALED_WHERE_PRESENT = ['list-unsubscribe', 'list-unsubscribe-post'] as const;

/** Signed where they stand (RFC 6376 §5.4.1), and Feedback-ID, by which Google tells a sender's campaigns apart. */
const SIGNED_WHERE_PRESENT = [
  'sender',
  'resent-date',
  'resent-from',
  'resent-to',
  'resent-cc',
  'list-id',
  'list-help',
  'list-subscribe',
  'list-post',
  'list-owner',
  'list-archive',
  'feedback-id',
] as const;

export const USUAL_FIELDS: readonly string[] = [...SEALED, ...SEALED_WHERE_PRESENT, ...SIGNED_WHERE_PRESENT];

const sealed: ReadonlySet<string> = new Set(SEALED);
const sealedWherePresent: ReadonlySet<string> = new Set(SEALED_WHERE_PRESENT);

/** Splits a header block (without the empty line) into its fields. A line that is no field is left out: it cannot be signed. */
export function fieldsOf(header: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < header.length) {
    const end = fieldEnd(header, at);
    const text = header.slice(at, end);
    const colon = text.indexOf(':');
    if (colon > 0) fields.push({ name: text.slice(0, colon).trimEnd().toLowerCase(), text });
    at = end + 2;
  }
  return fields;
}

/** Where the field that begins at `from` ends: at the CRLF that no white space follows. */
function fieldEnd(header: string, from: number): number {
  for (let at = from; ;) {
    const end = header.indexOf('\r\n', at);
    if (end < 0) return header.length;
    const next = header.charCodeAt(end + 2);
    if (next !== 32 && next !== 9) return end;
    at = end + 2;
  }
}

/** The names of the h= tag for these fields, in order; a name stands once for each field, and once more where it is sealed. */
export function signedNames(fields: readonly Field[], wanted: readonly string[] = USUAL_FIELDS): string[] {
  const counts = new Map<string, number>();
  for (const { name } of fields) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names: string[] = [];
  const add = (name: string): void => {
    const present = counts.get(name) ?? 0;
    for (let i = 0; i < present; i++) names.push(name);
    if (sealed.has(name) || (present > 0 && sealedWherePresent.has(name))) names.push(name);
  };
  if (!wanted.includes('from')) add('from');
  for (const name of wanted) add(name);
  return names;
}

/**
 * What the signature is made over: the fields of h= in its order, each name taking the lowest field not yet taken (RFC 6376
 * §5.4.2), and last the signature's own field with an empty b=.
 */
export function signedText(fields: readonly Field[], names: readonly string[], own: string, form: Canonicalization): string {
  const left = new Map<string, string[]>();
  for (const { name, text } of fields) {
    const same = left.get(name);
    if (same) same.push(text);
    else left.set(name, [text]);
  }
  const canonical = form === 'relaxed' ? relaxedField : (text: string) => text;
  let out = '';
  for (const name of names) {
    const text = left.get(name.toLowerCase())?.pop();
    if (text !== undefined) out += `${canonical(text)}\r\n`;
  }
  return out + canonical(own);
}

/** RFC 6376 §3.4.2: name in lower case, unfolded, runs of white space as one blank, none at the ends and around the colon. */
export function relaxedField(text: string): string {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).toLowerCase();
  let value = text.slice(colon + 1);
  // Most fields are one line with nothing but single blanks.
  if (value.includes('\n')) value = value.replaceAll('\r\n', '');
  if (value.includes('\t') || value.includes('  ')) value = value.replace(/[ \t]+/g, ' ');
  const from = value.startsWith(' ') ? 1 : 0;
  const to = value.endsWith(' ') ? value.length - 1 : value.length;
  return `${name.replace(/[ \t]+$/, '')}:${value.slice(from, to)}`;
}
