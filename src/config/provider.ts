/**
 * Provider files and the `providers:` section → Provider, or faults.
 *
 * A file holds everything known about one provider. What rampd.yaml says goes on top: limits key by key, rules in front
 * (one with the id of a rule of the file replaces it), names added.
 */
import { z } from 'zod';
import { printPlace } from '../kernel/fault.js';
import type { Place } from '../kernel/fault.js';
import type { Rule } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import { take } from './check.js';
import { COMPACT_FORM } from './compact-rule.js';
import type { Findings } from './findings.js';
import { limitsShape, toLimits } from './limits.js';
import { ruleShape } from './rule-shape.js';
import { toRule } from './rule.js';
import { either, listOf, mapping, oneOf, oneOrMany } from './shape.js';
import { smtpHostShape, toSmtpHost, type HostDefaults } from './smtp-host.js';
import { name, nameGlob, textOf } from './words.js';
import type { Path, YamlText } from './yaml-text.js';

/** Its rules come after those of every provider, its limits serve providers nobody wrote a file for; it has no names. */
export const GENERIC = 'generic';

const fields = {
  mx: oneOrMany('a pattern such as *.example.com', nameGlob).optional(),
  domains: oneOrMany('a domain such as example.com', nameGlob).optional(),
  'smtp-hosts': oneOrMany('a host such as 10.0.0.5:25', smtpHostShape).optional(),
  'exclude-mx': oneOrMany('a pattern such as *.example.com', nameGlob).optional(),
  'address-family': oneOf('which sources serve it; prefer-…: the others only when none of that family can go', [
    'any',
    'ipv4',
    'ipv6',
    'prefer-ipv4',
    'prefer-ipv6',
  ]).optional(),
  limits: limitsShape.optional(),
  feedback: oneOf('arf: this provider reports complaints; none: it does not', ['arf', 'none']).optional(),
};
const rules = listOf(
  'rules',
  either('a line, or a map of id, match, class, …', [textOf(`a compact rule: ${COMPACT_FORM}`), ruleShape]),
).optional();
/** Rules are read one by one, so that one mistake does not hide the others. */
const unreadRules = listOf('rules', z.unknown()).optional();

/** For editors: an entry of `providers:`, and a provider file. */
export const overlayShape = mapping('a provider', { ...fields, rules });
export const providerShape = mapping('a provider file', { name, ...fields, rules });

const overlayFrame = mapping('a provider', { ...fields, rules: unreadRules });
const fileFrame = mapping('a provider file', { name, ...fields, rules: unreadRules });

/** A provider file. */
export function toProvider(yaml: YamlText, hosts: HostDefaults, findings: Findings): Provider | undefined {
  const data = take(fileFrame, yaml, [], yaml.value, findings);
  if (!data) return undefined;
  const provider = part(data, data.name, yaml, [], yaml.key(['name']), hosts, findings);
  uniqueIds(provider.rules, findings);
  return provider;
}

/** An entry of `providers:` on top of the file of that name, if there is one. */
export function overlaid(
  base: Provider | undefined,
  name: string,
  value: unknown,
  yaml: YamlText,
  path: Path,
  hosts: HostDefaults,
  findings: Findings,
): Provider | undefined {
  const data = take(overlayFrame, yaml, path, value ?? {}, findings);
  if (!data) return undefined;
  const own = part(data, name, yaml, path, yaml.key(path), hosts, findings);
  uniqueIds(own.rules, findings);
  if (!base) return own;
  const replaced = new Set(own.rules.map(rule => rule.id));
  return {
    name,
    mx: union(base.mx, own.mx),
    domains: union(base.domains, own.domains),
    smtpHosts: own.smtpHosts.length > 0 ? own.smtpHosts : base.smtpHosts,
    excludeMx: union(base.excludeMx ?? [], own.excludeMx ?? []),
    addressFamily: own.addressFamily ?? base.addressFamily ?? 'any',
    limits: { ...base.limits, ...own.limits },
    rules: [...own.rules, ...base.rules.filter(rule => !replaced.has(rule.id))],
    feedback: data.feedback === undefined ? base.feedback : own.feedback,
    from: own.from,
  };
}

type Frame = z.output<typeof overlayFrame>;

function part(data: Frame, name: string, yaml: YamlText, path: Path, from: Place, hosts: HostDefaults, findings: Findings): Provider {
  return {
    name,
    mx: data.mx ?? [],
    domains: data.domains ?? [],
    smtpHosts: (data['smtp-hosts'] ?? []).flatMap((entry, i) => toSmtpHost(entry, yaml, [...path, 'smtp-hosts', i], hosts, findings) ?? []),
    ...(data['exclude-mx'] && { excludeMx: data['exclude-mx'] }),
    ...(data['address-family'] && { addressFamily: data['address-family'] }),
    limits: toLimits(data.limits ?? {}, yaml, [...path, 'limits'], findings),
    rules: (data.rules ?? []).flatMap((rule, i) => toRule(yaml, [...path, 'rules', i], rule, name, findings) ?? []),
    feedback: data.feedback === 'arf',
    from,
  };
}

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];

/** Journal and windows name rules by id. */
function uniqueIds(rules: readonly Rule[], findings: Findings): void {
  const seen = new Map<string, Rule>();
  for (const rule of rules) {
    const other = seen.get(rule.id);
    if (!other) seen.set(rule.id, rule);
    else
      findings.fault(rule.from, {
        code: 'duplicate-rule',
        what: `rule ${rule.id} has the id of the rule at ${printPlace(other.from)}`,
        hint: 'give one of them another id',
      });
  }
}
