/**
 * The reaction of a rule: its window and what that holds back, or faults. Whatever would have no effect is refused: limits
 * without a window, windows that change nothing, limits and stages where the rule's scope has none.
 */
import type { Reaction, Rule, Scope } from '../kernel/reply.js';
import { perHour } from '../kernel/units.js';
import type { Findings } from './findings.js';
import type { WrittenRule } from './rule-shape.js';
import type { Path, YamlText } from './yaml-text.js';

/** What is said of lanes, or of a whole source or provider, is said of the address and its stage; the rest is not. */
export const holdsStage = (scope: Scope): boolean => scope === 'lane' || scope === 'source' || scope === 'provider';

/** What a rule says beyond its window that its scope has no place for. */
export function lintScope(data: WrittenRule, scope: Scope, yaml: YamlText, path: Path, findings: Findings): void {
  const idle = (key: 'warm-up' | 'trigger', allowed: string): void =>
    findings.fault(yaml.key([...path, key]), {
      code: 'idle-window',
      what: `${key} of rule ${data.id} would do nothing: its scope is ${scope}`,
      allowed,
    });
  const warmUp = data['warm-up'];
  if (warmUp !== undefined && warmUp !== 'none' && !holdsStage(scope)) idle('warm-up', 'none, or scope: lane, source or provider');
  if (scope === 'recipient' && (data.trigger?.count ?? 1) > 1) idle('trigger', '1: a recipient is left alone at the first such reply');
}

const CAPS = ['max-smtp-out', 'max-msg-per-hour', 'max-msg-per-connection', 'max-connect-rate'] as const;

/** What a window of each scope can hold back: a domain has no connections of its own, a recipient is tried or not. */
const OF_A_LANE = [...CAPS, 'suspend'] as const;
const HELD_BACK: Readonly<Record<Scope, readonly (typeof OF_A_LANE)[number][]>> = {
  lane: OF_A_LANE,
  source: OF_A_LANE,
  provider: OF_A_LANE,
  'sender-domain': ['max-smtp-out', 'max-msg-per-hour', 'suspend'],
  'recipient-domain': ['max-smtp-out', 'max-msg-per-hour', 'suspend'],
  recipient: ['suspend'],
  connection: [],
};

export function toReaction(
  data: WrittenRule,
  scope: Scope,
  warmUp: Rule['warmUp'],
  yaml: YamlText,
  path: Path,
  findings: Findings,
): Reaction | undefined {
  const caps = CAPS.filter(key => data[key] !== undefined);
  const suspend = data.suspend === true;
  for (const key of caps) {
    const value = key === 'max-connect-rate' ? data[key]?.count : data[key];
    if (value !== undefined && Number.isFinite(value) && value > 0) continue;
    findings.fault(yaml.place([...path, key]), {
      code: 'bad-reaction',
      what: `${key} of a rule cannot be ${value === 0 ? 'none' : 'unlimited'}`,
      hint: value === 0 ? 'say suspend: true' : 'a rule only ever slows down: leave the key out',
    });
  }
  const needs = [...caps, ...(['suspend', 'recover'] as const).filter(key => data[key] !== undefined && data[key] !== false)];
  if (data.window === undefined) {
    const first = needs[0] ?? (data['warm-up'] === 'hold' ? 'warm-up' : undefined);
    if (first !== undefined)
      findings.fault(yaml.key([...path, first]), {
        code: 'no-window',
        what: `${first} of rule ${data.id} has no window`,
        hint: 'say for how long, as in window: 1h',
      });
    return undefined;
  }
  if (caps.length === 0 && !suspend && !(warmUp === 'hold' && holdsStage(scope))) {
    findings.fault(yaml.key([...path, 'window']), {
      code: 'empty-window',
      what: `the window of rule ${data.id} changes nothing`,
      allowed: `with a window: ${CAPS.join(', ')}, suspend: true`,
    });
    return undefined;
  }
  const held = HELD_BACK[scope];
  const idle = [...caps, ...(suspend ? (['suspend'] as const) : [])].filter(key => !held.includes(key));
  for (const key of idle)
    findings.fault(yaml.key([...path, key]), {
      code: 'idle-window',
      what: `${key} of rule ${data.id} would do nothing: its scope is ${scope}`,
      allowed: held.length > 0 ? held.join(', ') : 'no window',
      hint: `leave ${key} out, or say another scope`,
    });
  const connects = data['max-connect-rate'];
  const recover = data.recover ?? data.window;
  return {
    window: data.window,
    suspend,
    recover: Number.isFinite(recover) ? recover : 0,
    ...(data['max-smtp-out'] !== undefined && { maxSmtpOut: data['max-smtp-out'] }),
    ...(data['max-msg-per-hour'] !== undefined && { maxMsgPerHour: data['max-msg-per-hour'] }),
    ...(data['max-msg-per-connection'] !== undefined && { maxMsgPerConnection: data['max-msg-per-connection'] }),
    ...(connects && { maxConnectRate: perHour(connects) }),
  };
}
