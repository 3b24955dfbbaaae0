/**
 * Rules that take too much: everyday replies about one recipient or one message, on which a rule would slow everybody or take
 * an address off the list.
 *
 * The everyday replies are the samples of the generic rules that concern a recipient, a message or a sender, so a rule is
 * measured against what every receiver says each day. Only rules that would win there are named. Warnings; pure.
 */
import type { Fault } from '../kernel/fault.js';
import { printPlace } from '../kernel/fault.js';
import type { OutcomeClass, Reply, Rule } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { Classifier, GENERIC } from './classify.js';
import { compileRule, subjectOf } from './compile.js';
import { parseReply } from './reply.js';
import { domainFor, phaseOf } from './samples.js';

interface Everyday {
  readonly sample: string;
  readonly reply: Reply;
  readonly rule: Rule;
}

export function checkBreadth(providers: ReadonlyMap<string, Provider>): Fault[] {
  const everyday = (providers.get(GENERIC)?.rules ?? [])
    .filter(rule => !slowsOthers(rule))
    .flatMap(rule => rule.samples.map((sample): Everyday => ({ sample, reply: parseReply(sample), rule })));
  const classifier = new Classifier(providers);
  const faults: Fault[] = [];
  for (const [name, provider] of providers)
    for (const rule of provider.rules) {
      const harm = harmOf(rule);
      const taken = harm === undefined ? undefined : everyday.find(line => takes(rule, name, line, classifier));
      if (taken) faults.push(overBroad(rule, harm ?? '', taken));
    }
  return faults;
}

/** Would this rule decide about this reply, which another one calls something else? */
function takes(rule: Rule, provider: string, { reply, rule: other }: Everyday, classifier: Classifier): boolean {
  if (other.class === rule.class || other === rule) return false;
  const compiled = compileRule(rule);
  const [phase, recipientDomain] = [phaseOf(rule), domainFor(rule)];
  if (!compiled.takesCode(reply.code) || !compiled.matches(subjectOf(reply, phase, recipientDomain))) return false;
  return classifier.classify(reply, { provider, phase, recipientDomain }).rule === rule;
}

const SUPPRESSING: ReadonlySet<OutcomeClass> = new Set<OutcomeClass>(['mailbox.unknown', 'mailbox.inactive']);

/** Does its reaction hold back mail to other people than the one the reply is about? */
function slowsOthers(rule: Rule): boolean {
  return rule.reaction !== undefined && ['lane', 'source', 'provider'].includes(rule.scope);
}

/** What a wrong match would cost; undefined: little. */
function harmOf(rule: Rule): string | undefined {
  if (slowsOthers(rule)) return `would slow the whole ${rule.scope}`;
  if (SUPPRESSING.has(rule.class)) return 'would take the address off the list';
  return undefined;
}

function overBroad(rule: Rule, harm: string, { sample, rule: other }: Everyday): Fault {
  return {
    code: 'over-broad-rule',
    severity: 'warning',
    place: rule.from,
    what: `rule ${rule.id} (${rule.class}) also takes "${printable(sample, 80)}", which is ${other.class} (${printPlace(other.from)}), and ${harm}`,
    hint: 'narrow it: a code, an enhanced code, more words, or the moment of the dialogue under at:',
  };
}
