/**
 * Macros of SPF (RFC 7208 §7): `%{i}`, `%{d2}`, `%{ir}` and their like, filled in. Pure.
 *
 * `%{p}`, which §7.2 tells publishers not to use, is "unknown" here, as §7.3 permits; `%{c}`, `%{r}` and `%{t}` belong to
 * explanations, which are not read.
 */
import { arpaLabel, dotted } from './reverse.js';

export interface SpfWho {
  /** The address that sends. */
  readonly ip: string;
  /** The identity: local@domain. */
  readonly sender: string;
  readonly helo: string;
}

const LONGEST = 253;

/** A domain-spec with its macros filled in; undefined when one of them means nothing here. */
export function expandMacros(spec: string, who: SpfWho, domain: string): string | undefined {
  let good = true;
  const text = spec.replace(/%(?:\{([a-z])(\d*)(r?)([-.+,/_=]*)\}|(.))/gi, (_all, letter, digits, reverse, delimiters, escaped) => {
    if (escaped !== undefined) return ESCAPES[String(escaped)] ?? '';
    const value = valueOf(String(letter).toLowerCase(), who, domain);
    if (value === undefined || digits === '0') good = false;
    let parts = (value ?? '').split(new RegExp(`[${String(delimiters || '.').replace(/[-\]\\^]/g, '\\$&')}]`));
    if (reverse !== '') parts = parts.reverse();
    if (digits !== '') parts = parts.slice(-Number(digits));
    const joined = parts.join('.');
    return /[A-Z]/.test(String(letter)) ? encodeURIComponent(joined) : joined;
  });
  if (!good) return undefined;
  // §7.3: labels go from the left until the name is short enough.
  let name = text.replace(/\.$/, '');
  while (name.length > LONGEST && name.includes('.')) name = name.slice(name.indexOf('.') + 1);
  return name.toLowerCase();
}

const ESCAPES: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' };

function valueOf(letter: string, { ip, sender, helo }: SpfWho, domain: string): string | undefined {
  const at = sender.lastIndexOf('@');
  switch (letter) {
    case 's':
      return sender;
    case 'l':
      return at > 0 ? sender.slice(0, at) : 'postmaster';
    case 'o':
      return sender.slice(at + 1);
    case 'd':
      return domain;
    case 'h':
      return helo;
    case 'p':
      return 'unknown';
    case 'v':
      return arpaLabel(ip);
    case 'i':
      return dotted(ip);
    default:
      return undefined;
  }
}
