/**
 * One rule of a provider file, in either writing → Rule, or faults. What cannot work is refused here: limits without a
 * window, windows that change nothing, expressions that would hang, patterns that slow a lane for one bad address.
 */
import type { Place } from '../kernel/fault.js';
import type { OutcomeClass, Phase, Rule, Scope } from '../kernel/reply.js';
import { HOUR } from '../kernel/units.js';
import { take } from './check.js';
import { compactId, readCompact } from './compact-rule.js';
import type { Findings } from './findings.js';
import { complaintAbout, slashed } from './pattern.js';
import { holdsStage, lintScope, toReaction } from './rule-reaction.js';
import { ruleShape, type WrittenRule } from './rule-shape.js';
import { quoted } from './shape.js';
import type { Path, YamlText } from './yaml-text.js';

export function toRule(yaml: YamlText, path: Path, value: unknown, provider: string, findings: Findings): Rule | undefined {
  if (typeof value === 'string') return fromCompact(value, yaml.place(path), provider, findings);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    findings.fault(yaml.place(path), {
      code: 'bad-rule',
      what: `a rule cannot be ${quoted(value)}`,
      allowed: 'a line, or a map of id, match, class, …',
    });
    return undefined;
  }
  const before = findings.count;
  const data = take(ruleShape, yaml, path, value, findings);
  if (!data) return undefined;
  const match = toMatch(data, yaml, path, findings);
  const warmUp = data['warm-up'] ?? (holdsByDefault(data.class) ? 'hold' : 'none');
  const scope = data.scope ?? 'lane';
  const reaction = toReaction(data, scope, warmUp, yaml, path, findings);
  if (reaction && bareCode(match, scope))
    findings.fault(yaml.key([...path, 'match']), {
      code: 'bare-code',
      what: `rule ${data.id} slows the ${scope} on a bare code: one bad address would do it`,
      hint: 'add text or an enhanced code, or say at: [greeting]',
    });
  lintScope(data, scope, yaml, path, findings);
  if (!findings.cleanSince(before)) return undefined;
  return {
    id: data.id,
    provider,
    from: yaml.place(path),
    match,
    class: data.class,
    trigger: data.trigger ?? { count: 1, per: HOUR },
    scope,
    ...(reaction && { reaction }),
    ...(data.action && { action: data.action }),
    ...(data.retry && { retry: data.retry }),
    warmUp,
    samples: data.samples ?? [],
    never: data.never ?? [],
    ...(data.note !== undefined && { note: data.note }),
  };
}

/** A rule whose class says that the address itself is in trouble holds the stage (DESIGN 4.2). */
function holdsByDefault(of: OutcomeClass): boolean {
  return of === 'reputation.defer' || of.startsWith('block.');
}

function fromCompact(line: string, from: Place, provider: string, findings: Findings): Rule | undefined {
  const read = readCompact(line);
  if ('fault' in read) {
    findings.fault(from, {
      code: 'bad-rule',
      what: `rule ${quoted(line)}: ${read.fault.what}`,
      allowed: read.fault.allowed,
      hint: read.fault.hint,
    });
    return undefined;
  }
  const { code, text, enhanced, domain, window, maxSmtpOut, maxMsgPerHour } = read.rule;
  const match: Rule['match'] = { code, ...(text !== undefined && { text }), ...(enhanced && { enhanced }), ...(domain && { domain }) };
  if (bareCode(match, 'lane')) {
    findings.fault(from, {
      code: 'bare-code',
      what: `rule ${quoted(line)} slows the lane on a bare ${code}: one bad address would do it`,
      hint: 'add a text or an enhanced code behind the code',
    });
    return undefined;
  }
  return {
    id: compactId(read.rule),
    provider,
    from,
    match,
    class: 'throttle.rate',
    trigger: { count: 1, per: HOUR },
    scope: 'lane',
    reaction: {
      window,
      suspend: false,
      recover: window,
      ...(maxSmtpOut !== undefined && { maxSmtpOut }),
      ...(maxMsgPerHour !== undefined && { maxMsgPerHour }),
    },
    warmUp: 'none',
    samples: [],
    never: [],
  };
}

/** Phases in which no recipient has been named yet: a refusal there is about the sending host. */
const ABOUT_THE_HOST: readonly Phase[] = ['connect', 'greeting', 'helo', 'tls', 'auth', 'idle'];

/** 421 closes the connection (RFC 5321 4.2.1), so it may stand alone; every other code also answers single recipients. */
function bareCode(match: Rule['match'], scope: Scope): boolean {
  if (match.text !== undefined || match.regex || match.enhanced !== undefined) return false;
  if (!holdsStage(scope)) return false;
  if (match.at && match.at.every(phase => ABOUT_THE_HOST.includes(phase))) return false;
  return match.code !== '421';
}

function toMatch(data: WrittenRule, yaml: YamlText, path: Path, findings: Findings): Rule['match'] {
  const { code, enhanced, text, at, domain } = data.match;
  const here = yaml.place([...path, 'match', 'text']);
  const common = {
    ...(code !== undefined && { code }),
    ...(enhanced !== undefined && { enhanced }),
    ...(at && { at }),
    ...(domain !== undefined && { domain }),
  };
  if (text === undefined) {
    if (Object.keys(common).length === 0)
      findings.fault(yaml.key([...path, 'match']), {
        code: 'bad-match',
        what: `match of ${data.id} says nothing`,
        allowed: 'code, enhanced, text, at, domain',
      });
    return common;
  }
  if (!text.startsWith('/')) {
    if (/^[\s*]*$/.test(text))
      findings.fault(here, { code: 'bad-match', what: `text ${quoted(text)} matches every reply`, hint: 'leave text out' });
    return { ...common, text };
  }
  const regex = slashed(text);
  if (!regex) {
    findings.fault(here, {
      code: 'bad-regex',
      what: `${quoted(text)} begins as an expression and has no end`,
      allowed: '/expression/ or /expression/i',
    });
    return common;
  }
  const complaint = complaintAbout(regex);
  if (complaint) findings.fault(here, { code: 'bad-regex', what: `/${regex.source}/ ${complaint.what}`, hint: complaint.hint });
  return { ...common, regex };
}
