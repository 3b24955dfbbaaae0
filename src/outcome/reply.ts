/**
 * Raw text of a reply → Reply, normalised: lines joined by one space, repeated codes gone, nothing that moves a terminal.
 *
 * Takes what a session read (lines parted by CR LF), what a log or a DSN kept (lines already joined, the codes still
 * inside), and what is no reply at all. Never throws; a text without a code has code 0. Untrusted: at most 4,000 characters
 * are kept.
 */
import type { Reply } from '../kernel/reply.js';
import { printable } from '../kernel/text.js';

const MAX_TEXT = 4_000;

/** `250`, `421-`, `554:`; DSNs put `smtp;` in front (RFC 3464, 2.3.6). */
const CODE = /^(?:smtp;\s*)?([2-5]\d\d)(?:([\s:-])\s*|$)/i;
/** RFC 3463, section 2: class, subject and detail, the last two of one to three digits. */
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?:[\s:]+|$)/;

export function parseReply(raw: string): Reply {
  const lines = raw
    .slice(0, 4 * MAX_TEXT)
    .split(/[\r\n]+/)
    .map(line => printable(line, MAX_TEXT))
    .filter(line => line !== '');
  const first = lines[0] ?? '';
  const head = CODE.exec(first);
  if (!head) return networkReply(lines.join(' '));

  const code = head[1] ?? '';
  let enhanced: string | undefined;
  const texts = lines.map((line, index) => {
    let rest = index === 0 ? line.slice(head[0].length) : afterCode(line, code);
    const match = ENHANCED.exec(rest);
    if (match && (enhanced === undefined || match[1] === enhanced)) {
      enhanced = match[1];
      rest = rest.slice(match[0].length);
    }
    return rest;
  });
  let text = texts.join(' ');
  if (head[2] === '-' && lines.length === 1) text = withoutInlineCodes(text, code, enhanced);
  return made(Number(code), enhanced, text);
}

/** What stands for a reply when none came: the text is ours or the operating system's. */
export function networkReply(text: string): Reply {
  return made(0, undefined, text);
}

function made(code: number, enhanced: string | undefined, raw: string): Reply {
  const text = printable(raw.replace(/\s+/g, ' '), MAX_TEXT);
  const line = [code === 0 ? '' : String(code), enhanced ?? '', text].filter(part => part !== '').join(' ');
  return enhanced === undefined ? { code, text, line } : { code, enhanced, text, line };
}

/** A continuation line without the code it repeats (RFC 5321, 4.2.1). */
function afterCode(line: string, code: string): string {
  if (!line.startsWith(code)) return line;
  const next = line[code.length];
  if (next === undefined) return '';
  return next === '-' || next === ' ' ? line.slice(code.length + 1).trimStart() : line;
}

/**
 * A multi-line reply that something joined into one line keeps `421-4.7.28 ` inside. Its first line ended in a hyphen, so
 * every later `421-` and `421 ` that stands as a word of its own began a line.
 */
function withoutInlineCodes(text: string, code: string, enhanced: string | undefined): string {
  const again = enhanced === undefined ? '' : `(?:${enhanced.replaceAll('.', '\\.')}(?: |$))?`;
  return text.replace(new RegExp(`(^| )${code}(?:-|(?= |$)) ?${again}`, 'g'), '$1');
}
