/**
 * Reply → ReplyMatch: what a reply means, whom it concerns, and what becomes of the recipient.
 *
 * Asked in order: the provider's rules, the generic rules, the enhanced code, the basic code; the first answer counts. Rules
 * are compiled and indexed by code once. Pure; never throws whatever the remote host wrote.
 */
import type { OutcomeClass, Phase, Reply, ReplyMatch, Rule, Scope } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import type { Ms } from '../kernel/units.js';
import { compileRule, subjectOf, type CompiledRule } from './compile.js';
import { byBasic, byEnhanced, scopeOf } from './fallback.js';
import { hintIn } from './hint.js';

/** The provider whose rules are tried after everybody's own. */
export const GENERIC = 'generic';

export interface Where {
  readonly provider: string;
  readonly phase: Phase;
  readonly recipientDomain: string;
}

/** Up to and including AUTH nobody has named a message yet: a refusal concerns the address (DESIGN 4.4). */
const BEFORE_MAIL: ReadonlySet<Phase> = new Set<Phase>(['connect', 'greeting', 'helo', 'tls', 'auth', 'idle']);
/** Our own words on what was not had. A smart host that takes no password of ours is a mistake of the configuration. */
const WITHOUT_REPLY: Readonly<Partial<Record<Phase, OutcomeClass>>> = { tls: 'tls', auth: 'config' };
/** Troubles of the sending address; another source may deliver the same message. */
const OF_THE_ADDRESS: ReadonlySet<OutcomeClass> = new Set<OutcomeClass>(['block.ip', 'block.network', 'block.dnsbl', 'ptr']);

export class Classifier {
  /** Provider's rules, then the generic ones; for a provider without rules the generic ones alone. */
  readonly #rules = new Map<string, readonly CompiledRule[]>();
  readonly #generic: readonly CompiledRule[];
  /** By provider, then by code. Filled as codes are met: at most 400 codes for each provider with a file. */
  readonly #byCode = new Map<string, Map<number, readonly CompiledRule[]>>();

  constructor(providers: ReadonlyMap<string, Provider>) {
    this.#generic = (providers.get(GENERIC)?.rules ?? []).map(compileRule);
    for (const [name, provider] of providers) {
      if (name === GENERIC || provider.rules.length === 0) continue;
      this.#rules.set(name, [...provider.rules.map(compileRule), ...this.#generic]);
    }
  }

  classify(reply: Reply, where: Where): ReplyMatch {
    const { phase } = where;
    if (reply.code === 0) return { reply, phase, class: WITHOUT_REPLY[phase] ?? 'network', scope: 'lane', fate: 'defer' };
    if (reply.code >= 200 && reply.code < 300) return { reply, phase, class: 'delivered', scope: 'recipient', fate: 'deliver' };

    const rule = this.#find(reply, where)?.rule;
    const cls = rule?.class ?? (phase === 'auth' && reply.code >= 500 ? 'config' : (byEnhanced(reply) ?? byBasic(reply, phase)));
    const scope = rule?.scope ?? scopeOf(cls);
    const fate = fateOf(reply, phase, cls, scope, rule);
    // A window honours it too, whatever becomes of this recipient.
    const hint: Ms | undefined = fate === 'defer' || rule?.reaction ? hintIn(reply.text) : undefined;
    return { reply, phase, class: cls, scope, fate, ...(rule && { rule }), ...(hint !== undefined && { hint }) };
  }

  #find(reply: Reply, where: Where): CompiledRule | undefined {
    const candidates = this.#candidates(where.provider, reply.code);
    if (candidates.length === 0) return undefined;
    const subject = subjectOf(reply, where.phase, where.recipientDomain);
    for (const candidate of candidates) if (candidate.matches(subject)) return candidate;
    return undefined;
  }

  #candidates(provider: string, code: number): readonly CompiledRule[] {
    const own = this.#rules.get(provider);
    const key = own ? provider : GENERIC;
    let codes = this.#byCode.get(key);
    if (!codes) this.#byCode.set(key, (codes = new Map<number, readonly CompiledRule[]>()));
    let rules = codes.get(code);
    if (!rules) {
      rules = (own ?? this.#generic).filter(rule => rule.takesCode(code));
      if (code >= 200 && code <= 599) codes.set(code, rules);
    }
    return rules;
  }
}

/**
 * What becomes of the recipients concerned. A rule's own word (`action`, `retry`) comes first; then a refusal of the address
 * defers, since the mail may leave from another source or later; then the code decides, and what is no code of RFC 5321
 * defers.
 */
function fateOf(reply: Reply, phase: Phase, cls: OutcomeClass, scope: Scope, rule: Rule | undefined): ReplyMatch['fate'] {
  if (rule?.action) return rule.action === 'skip-mx' ? 'defer' : rule.action;
  if (BEFORE_MAIL.has(phase)) return 'defer';
  if (OF_THE_ADDRESS.has(cls) && (scope === 'lane' || scope === 'source')) return 'defer';
  if (rule?.retry === 'as-4xx') return 'defer';
  if (rule?.retry === 'as-5xx') return 'bounce';
  return reply.code >= 500 && reply.code <= 599 ? 'bounce' : 'defer';
}
