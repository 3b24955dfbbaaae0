/**
 * The shape of a warm-up schedule file.
 */
import { gatesShape } from './gates.js';
import { limitFields } from './limits.js';
import { either, listOf, mapping, namesTo, oneOf, scalar } from './shape.js';
import { durationOrNever, factor, hourly, name, positiveDuration, share, textOf, wholeNumber } from './words.js';

/** A year of stages is more than any warm-up has; above that it is a slip. */
const MAX_STAGES = 400;

const stageCount = scalar<number>('bad-count', { type: 'integer', description: `how many stages, 2 to ${MAX_STAGES}`, minimum: 2 }, text =>
  /^\d{1,4}$/.test(text) && Number(text) >= 2 && Number(text) <= MAX_STAGES
    ? { ok: true, value: Number(text) }
    : { ok: false, allowed: `a whole number from 2 to ${MAX_STAGES}` },
);

export const rampShape = mapping('a ramp', {
  from: hourly,
  to: hourly,
  stages: stageCount,
  curve: oneOf('how the caps rise: by the same factor, or by the same step', ['geometric', 'linear']).optional(),
});

export const stageShape = mapping('a stage', { ...limitFields, 'max-msg-per-hour': hourly });

const stages = listOf('stages such as { max-msg-per-hour: 20/h }', stageShape);

export const shareShape = mapping('a provider of a schedule', {
  scale: share.optional(),
  ramp: rampShape.optional(),
  stages: stages.optional(),
});

export const idleShape = mapping('idle', {
  after: durationOrNever.optional(),
  'step-back': wholeNumber.optional(),
  every: positiveDuration.optional(),
  'restart-after': durationOrNever.optional(),
});

export const scheduleShape = mapping('a schedule', {
  name,
  description: textOf('one line that says what it is for').optional(),
  tick: textOf('a cron expression of five fields such as "0 4 * * *"'),
  timezone: textOf('a time zone such as UTC or Europe/Berlin').optional(),
  advance: oneOf('earned: a day with too little mail or a bad outcome does not count; calendar: every day counts', [
    'earned',
    'calendar',
  ]).optional(),
  ramp: rampShape.optional(),
  stages: stages.optional(),
  providers: namesTo('providers with a share or stages of their own', shareShape).optional(),
  gates: gatesShape.optional(),
  idle: either('none, or a map of after, step-back, every, restart-after', [oneOf('no cooling', ['none']), idleShape]).optional(),
  growth: factor.optional(),
});
