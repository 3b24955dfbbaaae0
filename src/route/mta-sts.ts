/**
 * MTA-STS as text (RFC 8461): the TXT record that names a policy, and the policy itself. Pure; never throws.
 *
 * Both come from strangers: what is not exactly what the RFC allows is no policy, since half a policy would refuse mail for
 * good or let it out in the clear.
 */
import { bareName } from '../kernel/text.js';
import { isHostName } from './domain.js';

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Seconds. */
  readonly maxAge: number;
  /** Host names, `*.` in front stands for one label; empty only in mode none. */
  readonly mx: readonly string[];
}

/** RFC 8461 section 3.2: a year, as the RFC counts it. */
const AGE_MOST = 31_557_600;
/** Patterns of one policy that are kept; whoever has more servers than that has a wildcard. */
const MX_MOST = 100;

/**
 * The id of the one `v=STSv1` record among the TXT records of `_mta-sts.DOMAIN`; undefined when there is none, are several, or
 * it is malformed (section 3.1: then there is no policy to discover).
 */
export function readStsRecord(records: readonly string[]): string | undefined {
  const ours = records.filter(text => /^v=STSv1\s*(;|$)/.test(text));
  const fields = (ours.length === 1 ? (ours[0] ?? '') : '').split(';').map(field => field.trim());
  const id = fields.slice(1).flatMap(field => /^id\s*=\s*([A-Za-z0-9]{1,32})$/.exec(field)?.[1] ?? [])[0];
  return id !== undefined && fields.slice(1).every(field => field === '' || /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\s*=/.test(field))
    ? id
    : undefined;
}

const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;

/** Without the blanks at its end, and at its beginning. By hand: an expression may look through a long run of them once for each. */
function withoutBlanks(text: string, front: boolean): string {
  const isBlank = (at: number): boolean => text[at] === ' ' || text[at] === '\t';
  let from = 0;
  let to = text.length;
  while (front && from < to && isBlank(from)) from++;
  while (to > from && isBlank(to - 1)) to--;
  return text.slice(from, to);
}

/** Lines of `key: value`, ended by LF or CRLF. Of keys that may stand once the first counts; unknown keys are passed over. */
export function readStsPolicy(
  text: string,
): { readonly ok: true; readonly policy: StsPolicy } | { readonly ok: false; readonly text: string } {
  const first = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    const key = withoutBlanks(line.slice(0, Math.max(0, colon)), false);
    const value = withoutBlanks(line.slice(colon + 1), true);
    if (!KEY.test(key)) return no('a line is not KEY: VALUE');
    if (key === 'mx') mx.push(bareName(value));
    else if (!first.has(key)) first.set(key, value);
  }
  if (first.get('version') !== 'STSv1') return no('version is not STSv1');
  const mode = first.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return no('mode is none of enforce, testing, none');
  const age = first.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) return no('max_age is no number of seconds');
  if (mx.some(pattern => !isHostName(pattern.replace(/^\*\./, '')))) return no('mx is no host name or *.NAME');
  if (mode !== 'none' && mx.length === 0) return no('mx is missing');
  if (mx.length > MX_MOST) return no(`mx has more than ${MX_MOST} patterns`);
  return { ok: true, policy: { mode, maxAge: Math.min(Number(age), AGE_MOST), mx } };
}

/** The policy as lines again: `policy-string` of RFC 8460 section 4.4. */
export const printStsPolicy = ({ mode, maxAge, mx }: StsPolicy): string[] => [
  'version: STSv1',
  `mode: ${mode}`,
  ...mx.map(pattern => `mx: ${pattern}`),
  `max_age: ${maxAge}`,
];

const no = (text: string): { ok: false; text: string } => ({ ok: false, text });
