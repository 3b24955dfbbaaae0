/**
 * A message given as JSON → the bytes of a message, and its envelope. nodemailer's composer builds the MIME; it reads no file
 * and fetches nothing. Given raw, the bytes are taken as they are, but for line ends where the text has no CR at all.
 */
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { MOST_RECIPIENTS, type NewRecipient } from '../kernel/message.js';
import { canonicalAddress } from './address.js';
import type { JsonFault, MessageJson } from './message-shape.js';

export interface Composed {
  readonly sender: string;
  readonly recipients: readonly NewRecipient[];
  readonly content: Buffer;
}

export type Composing = { readonly ok: true; readonly value: Composed } | { readonly ok: false; readonly faults: readonly JsonFault[] };

/** Addresses under one key, in strings that name several each: a request of a few megabytes could name millions. */
const MOST_ADDRESSES = MOST_RECIPIENTS;

type Mailbox = { name: string; address: string };
type Written = NonNullable<MessageJson['to']>;
type WrittenOne = Exclude<Written, readonly unknown[]>;

/** `date`: epoch in milliseconds for the Date field. */
export async function compose(message: MessageJson, date: number): Promise<Composing> {
  const faults: JsonFault[] = [];
  const read = (key: 'from' | 'to' | 'cc' | 'bcc' | 'replyTo') => mailboxes(message[key], key, faults);
  const [from, to, cc, bcc, replyTo] = [read('from'), read('to'), read('cc'), read('bcc'), read('replyTo')];
  if (from.length > 1) faults.push({ path: 'from', message: 'names more than one address' });
  const { envelope, notify } = message;
  const sender = canonical(envelope?.from ?? from[0]?.address ?? '', 'envelope.from', faults);
  const written = envelope?.to?.map((address, i) => canonical(address, `envelope.to.${i}`, faults));
  const addresses = new Set(written ?? [...to, ...cc, ...bcc].map(one => one.address));
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, 50) };
  const words = notify && [...new Set(notify.map(word => word.toUpperCase()))];
  const recipients = [...addresses].map(address => ({ address, ...(words ? { notify: words } : {}) }));
  const content = message.raw === undefined ? await built(message, { from, to, cc, replyTo }, date) : rawBytes(message.raw);
  return { ok: true, value: { sender, recipients, content } };
}

function built(message: MessageJson, people: Record<'from' | 'to' | 'cc' | 'replyTo', Mailbox[]>, date: number): Promise<Buffer> {
  const { subject, text, html, messageId, headers = {}, attachments = [] } = message;
  const named = Object.fromEntries(Object.entries(people).filter(([, list]) => list.length > 0));
  const composer = new MailComposer({
    ...named,
    ...(subject !== undefined ? { subject } : {}),
    ...(text !== undefined ? { text: lines(text) } : {}),
    ...(html !== undefined ? { html: lines(html) } : {}),
    ...(messageId !== undefined ? { messageId } : {}),
    headers: Object.entries(headers).flatMap(([key, value]) => [value].flat().map(one => ({ key, value: one }))),
    attachments: attachments.map(({ filename, content, contentType, cid, disposition }) => ({
      ...(filename !== undefined ? { filename } : {}),
      content: Buffer.from(content, 'base64'),
      ...(contentType !== undefined ? { contentType } : {}),
      ...(cid !== undefined ? { cid } : {}),
      ...(disposition !== undefined ? { contentDisposition: disposition } : {}),
    })),
    date: new Date(date),
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** The composer makes CRLF of LF alone. */
const lines = (text: string): string => text.replace(/\r\n?/g, '\n');

function rawBytes(raw: NonNullable<MessageJson['raw']>): Buffer {
  const bytes = typeof raw === 'string' ? Buffer.from(raw, 'utf8') : Buffer.from(raw.base64, 'base64');
  // Text that was never mail on a wire: JSON is written with LF. What has both is judged like any message.
  const crlf = bytes.includes(13) ? bytes : Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
  return crlf.at(-1) === 10 ? crlf : Buffer.concat([crlf, Buffer.from('\r\n')]);
}

/** The addresses under a key, canonical; a string may name several, with a name or without. */
function mailboxes(written: Written | undefined, key: string, faults: JsonFault[]): Mailbox[] {
  if (written === undefined) return [];
  const found: Mailbox[] = [];
  for (const [i, one] of [written].flat().entries()) {
    const path = Array.isArray(written) ? `${key}.${i}` : key;
    found.push(...mailboxesOf(one, path, faults));
    if (found.length > MOST_ADDRESSES) {
      faults.push({ path, message: `is beyond ${MOST_ADDRESSES} addresses` });
      return [];
    }
  }
  return found;
}

function mailboxesOf(one: WrittenOne, path: string, faults: JsonFault[]): Mailbox[] {
  if (typeof one !== 'string') return [{ name: one.name ?? '', address: canonical(one.address, `${path}.address`, faults) }];
  const parsed = addressparser(one);
  if (parsed.length === 0) faults.push({ path, message: 'names no address' });
  return parsed.flatMap(entry => {
    if (entry.address === undefined) {
      faults.push({ path, message: 'is a group, not an address' });
      return [];
    }
    return [{ name: entry.name, address: canonical(entry.address, path, faults) }];
  });
}

function canonical(address: string, path: string, faults: JsonFault[]): string {
  if (address === '' && path === 'envelope.from') return '';
  const read = canonicalAddress(address);
  if (read.ok) return read.address;
  faults.push({ path, message: read.why });
  return address;
}
