/**
 * What rules say that cannot be meant, read off the configuration alone: windows that are no tighter than what holds anyway,
 * and texts that were written as expressions. Warnings; pure.
 *
 * What needs replies to be tried (rules that are dead, hidden or too broad) is found by `rampd check`.
 */
import { printPlace } from '../kernel/fault.js';
import { DIRECTIVES } from '../kernel/limits.js';
import type { Limits } from '../kernel/limits.js';
import type { Reaction, Rule } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import { perHour } from '../kernel/units.js';
import type { Findings } from './findings.js';

export function lintRules(settings: Pick<Settings, 'providers' | 'defaults'>, findings: Findings): void {
  for (const provider of settings.providers.values())
    for (const rule of provider.rules) {
      lintWindow(rule, { ...settings.defaults, ...provider.limits }, findings);
      lintText(rule, findings);
    }
}

const CAPS = ['maxSmtpOut', 'maxMsgPerHour', 'maxMsgPerConnection', 'maxConnectRate'] as const;
type Cap = (typeof CAPS)[number];

/**
 * A window takes the minimum of itself and the lane's limits, so a cap that is not below them does nothing at the first match.
 * Named when rule and limit stand in one file. When the configuration is stricter than a shipped rule, that is its right; then
 * only a window that is left with nothing to do is named.
 */
function lintWindow(rule: Rule, normal: Limits, findings: Findings): void {
  const { reaction, scope } = rule;
  if (!reaction || scope !== 'lane') return;
  const caps = CAPS.filter(key => reaction[key] !== undefined);
  const loose = caps.filter(key => notBelow(key, reaction, normal));
  const idle = caps.length > 0 && loose.length === caps.length && !reaction.suspend && rule.warmUp === 'none';
  for (const key of loose) {
    const limit = normal[key];
    if (!limit || (limit.from.file !== rule.from.file && !idle)) continue;
    findings.warn(rule.from, {
      code: 'loose-window',
      what: `the window of rule ${rule.id} does not slow down: its ${DIRECTIVES[key]} of ${reaction[key]}${key === 'maxConnectRate' ? '/h' : ''} is not below the ${shown(key, normal)} that always holds (${printPlace(limit.from)})`,
      hint: idle ? 'nothing is left of the window: make it tighter, or leave the rule out' : 'make it tighter, or leave the key out',
    });
  }
}

/** Infinity where nothing is stated. */
function usual(key: Cap, normal: Limits): number {
  if (key === 'maxConnectRate') return normal.maxConnectRate ? perHour(normal.maxConnectRate.value) : Infinity;
  return normal[key]?.value ?? Infinity;
}

/** `none` lets nothing out, whatever a window says: then there is nothing to compare. */
function notBelow(key: Cap, reaction: Reaction, normal: Limits): boolean {
  const limit = usual(key, normal);
  return limit > 0 && (reaction[key] ?? 0) >= limit;
}

function shown(key: Cap, normal: Limits): string {
  return `${usual(key, normal)}${key === 'maxConnectRate' ? '/h' : ''}`;
}

/** `.*`, `\d`, `(a|b)`, `[0-9]`: in a text each stands for itself, save for the star. */
const EXPRESSION = /\.[*+]|\\[bdswBDSW.()[\]]|\([^()|]+\|[^()]+\)|\[[^\]]*[a-z0-9]-[a-z0-9][^\]]*\]|^\^|\$$/i;

function lintText(rule: Rule, findings: Findings): void {
  const found = rule.match.text === undefined ? undefined : EXPRESSION.exec(rule.match.text)?.[0];
  // A sample shows that the text is meant as it stands.
  if (found === undefined || rule.samples.length > 0) return;
  findings.warn(rule.from, {
    code: 'text-not-expression',
    what: `the text of rule ${rule.id} has ${found}, and a text is no expression: only * has a meaning in it`,
    hint: 'write it between slashes, as in text: "/too many (mails|messages)/i"',
  });
}
