/**
 * The shape of a rule written as a map.
 */
import type { z } from 'zod';
import { CLASSES, PHASES, SCOPES } from '../kernel/reply.js';
import type { OutcomeClass, Phase } from '../kernel/reply.js';
import { HOUR, parseRate } from '../kernel/units.js';
import type { Ms } from '../kernel/units.js';
import { CODE, ENHANCED } from './compact-rule.js';
import { flag, listOf, mapping, oneOf, oneOrMany, scalar } from './shape.js';
import { durationOrNever, hourly, positiveDuration, rate, someCount, textOf } from './words.js';
import { readNameGlob } from './address.js';

const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

const ruleId = scalar<string>('bad-id', { type: 'string', description: 'an id such as ms-ip-reputation', pattern: ID.source }, text =>
  ID.test(text) ? { ok: true, value: text } : { ok: false, allowed: 'letters, digits, dots and hyphens, such as ms-ip-reputation' },
);

const code = scalar<string>('bad-code', { type: ['string', 'integer'], description: 'a code such as 421, 4xx or 5xx' }, text =>
  CODE.test(text.toLowerCase()) ? { ok: true, value: text.toLowerCase() } : { ok: false, allowed: 'a code such as 421, 4xx or 5xx' },
);

const enhanced = scalar<string>('bad-enhanced', { type: 'string', description: 'an enhanced code such as 4.7.650, or 4.7.x' }, text =>
  ENHANCED.test(text.toLowerCase())
    ? { ok: true, value: text.toLowerCase() }
    : { ok: false, allowed: 'an enhanced code of three numbers such as 4.7.650, or 4.7.x' },
);

const domainGlob = scalar<string>(
  'bad-glob',
  { type: 'string', description: 'a pattern on the recipient domain such as *.example.com' },
  text => readNameGlob(text, true),
);

const trigger = scalar<{ count: number; per: Ms }>(
  'bad-trigger',
  { type: ['integer', 'string'], description: '1, or matches within a period such as 3/h' },
  text => {
    if (text === '1') return { ok: true, value: { count: 1, per: HOUR } };
    const read = parseRate(text);
    if (read.ok && Number.isFinite(read.value.count) && read.value.count > 0 && read.value.count <= 10_000) return read;
    const hint = /^\d+$/.test(text) ? `within what period? ${text}/h, ${text}/15m` : undefined;
    return { ok: false, allowed: '1, or matches within a period such as 3/h', ...(hint !== undefined && { hint }) };
  },
);

/** A reply as a server sent it; line breaks may stand in it. */
const reply = scalar<string>('bad-text', { type: 'string', description: 'a reply such as "421 4.7.0 Try again later"' }, text =>
  text.trim() !== '' ? { ok: true, value: text } : { ok: false, allowed: 'a reply, not empty' },
);

const matchShape = mapping('match', {
  code: code.optional(),
  enhanced: enhanced.optional(),
  text: textOf('part of the reply, in which * stands for anything, or /an expression/i').optional(),
  at: oneOrMany(
    `a moment of the dialogue: ${PHASES.join(', ')}`,
    oneOf<readonly [Phase, ...Phase[]]>('a moment of the dialogue', PHASES as unknown as readonly [Phase, ...Phase[]]),
  ).optional(),
  domain: domainGlob.optional(),
});

export const ruleShape = mapping('a rule', {
  id: ruleId,
  match: matchShape,
  class: oneOf<readonly [OutcomeClass, ...OutcomeClass[]]>(
    'what the reply means',
    CLASSES as unknown as readonly [OutcomeClass, ...OutcomeClass[]],
  ),
  trigger: trigger.optional(),
  scope: oneOf('what the reaction holds back', SCOPES).optional(),
  window: positiveDuration.optional(),
  'max-smtp-out': someCount.optional(),
  'max-msg-per-hour': hourly.optional(),
  'max-msg-per-connection': someCount.optional(),
  'max-connect-rate': rate.optional(),
  suspend: flag('true: nothing leaves while the window is open').optional(),
  action: oneOf('bounce: final at once; discard: dropped without a notification; skip-mx: waits, and goes to the next MX host', [
    'bounce',
    'discard',
    'skip-mx',
  ]).optional(),
  retry: oneOf('what the reply is treated as, when its code lies', ['as-4xx', 'as-5xx']).optional(),
  'warm-up': oneOf('what it means for the stage', ['hold', 'step-back', 'none']).optional(),
  recover: durationOrNever.optional(),
  samples: listOf('replies the rule must match', reply).optional(),
  never: listOf('replies the rule must not match', reply).optional(),
  note: textOf('a remark for people').optional(),
});

export type WrittenRule = z.output<typeof ruleShape>;
