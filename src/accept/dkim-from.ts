/**
 * Whose mail this is: the domain of the From field, which is what DMARC compares with the signing domain (RFC 7489 §3.1).
 *
 * Reads what people really write (unquoted dots and commas in names, comments, groups), but never guesses: no From field, two
 * of them, or mailboxes of several domains have no one domain. Pure.
 */
import { canonicalDomain } from './address.js';
import type { Field } from './dkim-header.js';

export type FromDomain = { readonly ok: true; readonly domain: string } | { readonly ok: false; readonly why: string };

const bad = (why: string): FromDomain => ({ ok: false, why });

/** A field longer than this is not looked into. */
const LONGEST = 10_000;

/** The one domain of the From field, lower-case A-labels. */
export function fromDomain(fields: readonly Field[]): FromDomain {
  const from = fields.filter(({ name }) => name === 'from');
  const [field] = from;
  if (!field) return bad('there is no From field');
  if (from.length > 1) return bad(`there are ${from.length} From fields`);
  if (field.text.length > LONGEST) return bad('the From field is too long');
  // Characters beyond ASCII come as UTF-8 (RFC 6532).
  const value = Buffer.from(field.text.slice(field.text.indexOf(':') + 1), 'latin1').toString('utf8');
  const domains = new Set<string | undefined>();
  for (const mailbox of mailboxes(value)) {
    const at = mailbox.lastIndexOf('@');
    if (at >= 0) domains.add(hostDomain(mailbox.slice(at + 1)));
  }
  const [domain] = domains;
  if (domains.size === 0) return bad('there is no address in the From field');
  if (domains.size > 1) return bad('the From field has addresses of several domains');
  return domain === undefined ? bad('the address in the From field has no valid domain') : { ok: true, domain };
}

/** A name that can stand in d=: no address literal. */
export function hostDomain(text: string): string | undefined {
  const domain = canonicalDomain(text.replace(/[ \t\r\n]+/g, ''));
  return domain === undefined || domain.startsWith('[') ? undefined : domain;
}

/** The addresses of a mailbox list: what stands between angle brackets, or, without brackets, the text without its comments. */
function mailboxes(value: string): string[] {
  const found: string[] = [];
  let bare = '';
  let angle: string | undefined;
  let inAngle = false;
  let depth = 0;
  let quoted = false;
  const finish = (): void => {
    found.push(angle ?? bare);
    bare = '';
    angle = undefined;
    inAngle = false;
  };
  for (let i = 0; i < value.length; i++) {
    let c = value.charAt(i);
    if (c === '\\' && (quoted || depth > 0)) {
      // The escaped character has no meaning of its own; `@` in it would have one below.
      i++;
      c = '_';
    } else if (depth > 0) {
      if (c === '(') depth++;
      else if (c === ')') depth--;
      continue;
    } else if (c === '"') {
      quoted = !quoted;
      continue;
    } else if (quoted) {
      if (c === '@') c = '_';
    } else if (c === '(') {
      depth++;
      continue;
    } else if (c === '<') {
      angle = '';
      inAngle = true;
      continue;
    } else if (c === '>') {
      inAngle = false;
      continue;
    } else if ((c === ',' || c === ';') && !inAngle) {
      finish();
      continue;
    } else if (c === ':' && !inAngle) {
      // The name of a group ends (RFC 6854); its mailboxes follow.
      bare = '';
      continue;
    }
    if (depth > 0) continue;
    if (inAngle) angle = (angle ?? '') + c;
    else bare += c;
  }
  finish();
  return found;
}
