/**
 * Rules against their own samples: what `check` runs, so that a rule that can never fire is found before mail meets it.
 *
 * A sample must classify to the very rule it stands in; a `never` line must not match that rule; two rules of one file must
 * not ask for the same thing. A rule of rampd.yaml that takes what a shipped rule took is a warning, since it may be meant;
 * everything else is a fault. Pure; never throws.
 */
import type { Fault } from '../kernel/fault.js';
import { printPlace } from '../kernel/fault.js';
import type { Phase, Rule } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { Classifier } from './classify.js';
import { compileRule, subjectOf } from './compile.js';
import { parseReply } from './reply.js';

export function checkSamples(providers: ReadonlyMap<string, Provider>): Fault[] {
  const classifier = new Classifier(providers);
  const faults: Fault[] = [];
  for (const [name, provider] of providers) {
    faults.push(...conflicts(provider));
    for (const rule of provider.rules) {
      const where = { provider: name, phase: phaseOf(rule), recipientDomain: domainFor(rule) };
      const samples = rule.samples.length > 0 ? rule.samples : madeSample(rule);
      for (const sample of samples) {
        if (!takes(rule, sample)) {
          faults.push(
            said(rule, 'dead-rule', `rule ${rule.id} does not match its own sample "${short(sample)}"`, 'mend the pattern or the sample'),
          );
          continue;
        }
        const winner = classifier.classify(parseReply(sample), where).rule;
        if (winner !== rule) faults.push(shadowed(rule, winner, sample));
      }
      for (const line of rule.never) {
        if (takes(rule, line)) {
          faults.push(
            said(rule, 'rule-matches-too-much', `rule ${rule.id} matches "${short(line)}", which it must not`, 'narrow the pattern'),
          );
        }
      }
    }
  }
  return faults;
}

/** Does this rule, alone, match this reply? */
function takes(rule: Rule, raw: string): boolean {
  const compiled = compileRule(rule);
  const reply = parseReply(raw);
  return compiled.takesCode(reply.code) && compiled.matches(subjectOf(reply, phaseOf(rule), domainFor(rule)));
}

function shadowed(rule: Rule, winner: Rule | undefined, sample: string): Fault {
  const by = winner ? `${winner.id} (${printPlace(winner.from)})` : 'nothing';
  const fault = said(
    rule,
    'shadowed-rule',
    `rule ${rule.id} never sees its sample "${short(sample)}": ${by} takes it first`,
    'put the narrower rule first',
  );
  const meant = winner !== undefined && winner.from.file !== rule.from.file;
  return meant ? { ...fault, severity: 'warning' } : fault;
}

/** Rules of one provider that ask for the same thing: the later one is dead. */
function conflicts(provider: Provider): Fault[] {
  const seen = new Map<string, Rule>();
  const faults: Fault[] = [];
  for (const rule of provider.rules) {
    const { code, enhanced, text, regex, at, domain } = rule.match;
    const key = JSON.stringify([code, enhanced, text?.toLowerCase(), regex, at, domain?.toLowerCase()]);
    const before = seen.get(key);
    if (!before) {
      seen.set(key, rule);
      continue;
    }
    const fault = said(
      rule,
      'conflicting-rules',
      `rule ${rule.id} asks for the same as ${before.id} (${printPlace(before.from)})`,
      'keep one of them',
    );
    faults.push(before.from.file === rule.from.file ? fault : { ...fault, severity: 'warning' });
  }
  return faults;
}

/** Compact rules have no samples; their pattern is nearly a reply already. A regular expression is not. */
function madeSample(rule: Rule): string[] {
  if (rule.match.regex) return [];
  const { code = '4xx', enhanced, text } = rule.match;
  const words = [
    code.replace(/x/gi, '0').replace(/^([45])00$/, '$150'),
    enhanced?.replace(/x$/i, '0') ?? '',
    text?.replaceAll('*', ' ') ?? '',
  ];
  return [words.filter(word => word !== '').join(' ')];
}

function phaseOf(rule: Rule): Phase {
  return rule.match.at?.[0] ?? 'rcpt';
}

function domainFor(rule: Rule): string {
  return (rule.match.domain ?? '*').replace(/\*/g, 'example').replace(/\?/g, 'x');
}

function said(rule: Rule, code: string, what: string, hint: string): Fault {
  return { code, place: rule.from, what, hint };
}

function short(sample: string): string {
  return printable(sample, 80);
}
