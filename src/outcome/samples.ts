/**
 * Rules against their own samples: what `check` runs, so that a rule that can never fire is found before mail meets it.
 *
 * A sample must classify to the very rule it stands in; a `never` line must not match that rule; two rules of one file must
 * not ask for the same thing. A rule without samples is tried on a reply made of its own pattern. A rule of rampd.yaml that
 * takes what a shipped rule took is a warning, since it may be meant; so is an expression for which no text was found; all
 * else is a fault. Pure; never throws.
 */
import type { Fault } from '../kernel/fault.js';
import { printPlace } from '../kernel/fault.js';
import type { Phase, Rule } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { Classifier } from './classify.js';
import { compileRule, subjectOf } from './compile.js';
import { parseReply } from './reply.js';
import { witnesses } from './witness.js';

export function checkSamples(providers: ReadonlyMap<string, Provider>): Fault[] {
  const classifier = new Classifier(providers);
  const faults: Fault[] = [];
  const hidden: Hidden[] = [];
  for (const provider of providers.values()) {
    faults.push(...conflicts(provider));
    for (const rule of provider.rules) {
      const found = unheard(rule) ?? (rule.samples.length > 0 ? sampled(rule, classifier) : unsampled(rule, classifier));
      for (const one of found)
        if ('by' in one) hidden.push(one);
        else faults.push(one);
      for (const line of rule.never)
        if (takes(rule, line))
          faults.push(
            said(rule, 'rule-matches-too-much', `rule ${rule.id} matches "${short(line)}", which it must not`, 'narrow the pattern'),
          );
    }
  }
  return [...faults, ...shadows(hidden)];
}

/** A rule that never sees a reply of its own, because another one takes it first. */
interface Hidden {
  readonly rule: Rule;
  readonly by: Rule | undefined;
  readonly sample: string;
  /** The reply was made of the pattern: others may reach the rule. */
  readonly made: boolean;
}

/** No server has spoken yet when a connection is being opened: rules are not asked. */
function unheard(rule: Rule): Fault[] | undefined {
  if (!rule.match.at?.every(phase => phase === 'connect')) return undefined;
  const what = `rule ${rule.id} never matches: at connect there is no reply yet`;
  return [said(rule, 'dead-rule', what, 'say at: [greeting], or leave at out')];
}

/** Every sample has to reach the rule. */
function sampled(rule: Rule, classifier: Classifier): (Fault | Hidden)[] {
  return rule.samples.flatMap(sample => {
    if (!takes(rule, sample))
      return said(rule, 'dead-rule', `rule ${rule.id} does not match its own sample "${short(sample)}"`, 'mend the pattern or the sample');
    const by = winnerOf(rule, sample, classifier);
    return by === rule ? [] : { rule, by, sample, made: false };
  });
}

/** One reply of those its pattern describes has to reach it. */
function unsampled(rule: Rule, classifier: Classifier): (Fault | Hidden)[] {
  const { code = '4xx', enhanced, regex } = rule.match;
  const made = madeSamples(rule);
  const [first] = made;
  if (first === undefined)
    return [
      warning(
        said(
          rule,
          'unproven-rule',
          `rule ${rule.id}: no text was found that /${short(regex?.source ?? '')}/ matches`,
          'it may never match: give it a real reply under samples',
        ),
      ),
    ];
  const taken = made.filter(sample => takes(rule, sample));
  const [reply] = taken;
  if (reply === undefined)
    return [
      said(
        rule,
        'dead-rule',
        `rule ${rule.id} does not match "${short(parseReply(first).line)}", the reply its pattern describes`,
        'a reply is one line "CODE ENHANCED TEXT": no line breaks, each code once and a space behind it; code: has to agree',
      ),
    ];
  // RFC 3463, section 2: the class of the enhanced code is the first digit of the reply code.
  if (enhanced !== undefined && enhanced[0] !== code[0])
    return [
      warning(
        said(
          rule,
          'odd-codes',
          `rule ${rule.id} asks for code ${code} with ${enhanced}, which do not go together`,
          `did you mean ${code[0]}${enhanced.slice(1)}?`,
        ),
      ),
    ];
  const winners = taken.map(sample => winnerOf(rule, sample, classifier));
  return winners.includes(rule) ? [] : [{ rule, by: winners[0], sample: reply, made: regex !== undefined }];
}

function winnerOf(rule: Rule, sample: string, classifier: Classifier): Rule | undefined {
  return classifier.classify(parseReply(sample), { provider: rule.provider, phase: phaseOf(rule), recipientDomain: domainFor(rule) }).rule;
}

/** Does this rule, alone, match this reply? */
function takes(rule: Rule, raw: string): boolean {
  const compiled = compileRule(rule);
  const reply = parseReply(raw);
  return compiled.takesCode(reply.code) && compiled.matches(subjectOf(reply, phaseOf(rule), domainFor(rule)));
}

/** A rule of the same file is told that it is hidden; a rule of another file, that it hides: it was put in front, and can be mended. */
function shadows(hidden: readonly Hidden[]): Fault[] {
  const faults: Fault[] = [];
  const far = new Map<Rule, Hidden[]>();
  for (const one of hidden) {
    const { rule, by, sample, made } = one;
    if (by && by.from.file !== rule.from.file) far.set(by, [...(far.get(by) ?? []), one]);
    else {
      const taker = by ? `${by.id} (${printPlace(by.from)})` : 'nothing';
      const what = `rule ${rule.id} never sees its sample "${short(sample)}": ${taker} takes it first`;
      const fault = said(rule, 'shadowed-rule', what, 'put the narrower rule first');
      faults.push(made ? warning(fault) : fault);
    }
  }
  for (const [by, taken] of far) {
    const [first] = taken;
    const others = new Set(taken.map(({ rule }) => rule)).size - 1;
    if (!first) continue;
    const more = others > 0 ? `, and what ${others === 1 ? 'another rule knows' : `${others} other rules know`}` : '';
    const what = `rule ${by.id} takes first what ${first.rule.id} (${printPlace(first.rule.from)}) knows, as in "${short(first.sample)}"${more}`;
    faults.push(warning(said(by, 'shadowed-rule', what, `narrow it, or give it the id ${first.rule.id} to replace that rule`)));
  }
  return faults;
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
    faults.push(before.from.file === rule.from.file ? fault : warning(fault));
  }
  return faults;
}

/**
 * Replies made of the pattern itself, with an end and with more behind it; none when an expression yields no text. What begins
 * with a code is a reply already, and comes as a server would send it.
 */
function madeSamples(rule: Rule): string[] {
  const { code = '4xx', enhanced, text, regex } = rule.match;
  const digits = code.replace(/x/gi, '0').replace(/^([45])00$/, '$150');
  const begin = [digits, enhanced?.replace(/x$/i, '0') ?? ''].filter(part => part !== '').join(' ');
  return (regex ? witnesses(regex) : [text?.replaceAll('*', 'x') ?? ''])
    .map(words => (/^[245]\d\d(?=[ :-])/.test(words) ? words : `${begin} ${words}`))
    .flatMap(reply => [reply, `${reply} x`]);
}

/** A moment at which the rule applies. */
export function phaseOf(rule: Rule): Phase {
  return rule.match.at?.[0] ?? 'rcpt';
}

/** A recipient domain for which it applies. */
export function domainFor(rule: Rule): string {
  return (rule.match.domain ?? '*').replace(/\*/g, 'example').replace(/\?/g, 'x');
}

function warning(fault: Fault): Fault {
  return { ...fault, severity: 'warning' };
}

function said(rule: Rule, code: string, what: string, hint: string): Fault {
  return { code, place: rule.from, what, hint };
}

function short(sample: string): string {
  return printable(sample, 80);
}
