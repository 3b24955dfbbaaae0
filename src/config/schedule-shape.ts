/**
 * The shape of a warm-up schedule file.
 */
import { validate as validCron } from 'node-cron';
import { silentYear } from './cron.js';
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

/** node-cron also takes six fields and words such as @daily; a tick has five fields. */
const tick = scalar<string>(
  'bad-cron',
  { type: 'string', description: 'a cron expression of five fields such as "0 4 * * *": when a day is judged', examples: ['0 4 * * *'] },
  text => {
    const fields = text.trim().split(/\s+/);
    if (fields.length === 5 && validCron(text)) {
      const silent = silentYear(fields.join(' '));
      if (silent === undefined) return { ok: true, value: fields.join(' ') };
      const why = `there is no such day in ${silent}: day, month and weekday have all to fit`;
      return { ok: false, allowed: 'a cron expression that comes at least once a year, such as "0 4 * * *"', hint: why };
    }
    const hint = fields.length === 6 ? 'there is no field for seconds' : undefined;
    return { ok: false, allowed: 'five fields: minute hour day month weekday, such as "0 4 * * *"', ...(hint !== undefined && { hint }) };
  },
);

/** Zones that were found good: asking takes Intl some milliseconds, and schedules mostly share one. */
const zones = new Set<string>();

/** node-cron takes any text for a zone; Intl knows better. Throws RangeError when there is no such zone. */
function checkZone(zone: string): void {
  if (zones.has(zone)) return;
  new Intl.DateTimeFormat('en', { timeZone: zone });
  zones.add(zone);
}

const timezone = scalar<string>('bad-timezone', { type: 'string', description: 'an IANA time zone such as UTC or Europe/Berlin' }, text => {
  try {
    checkZone(text);
    return { ok: true, value: text };
  } catch {
    return { ok: false, allowed: 'an IANA time zone such as UTC, Europe/Berlin or America/New_York' };
  }
});

const rampShape = mapping('a ramp', {
  from: hourly,
  to: hourly,
  stages: stageCount,
  curve: oneOf('how the caps rise: by the same factor, or by the same step', ['geometric', 'linear']).optional(),
});

const stageShape = mapping('a stage', { ...limitFields, 'max-msg-per-hour': hourly });

const stages = listOf('stages such as { max-msg-per-hour: 20/h }', stageShape);

const shareShape = mapping('a provider of a schedule', {
  scale: share.optional(),
  ramp: rampShape.optional(),
  stages: stages.optional(),
});

const idleShape = mapping('idle', {
  after: durationOrNever.optional(),
  'step-back': wholeNumber.optional(),
  every: positiveDuration.optional(),
  'restart-after': durationOrNever.optional(),
});

export const scheduleShape = mapping('a schedule', {
  name,
  description: textOf('one line that says what it is for').optional(),
  tick,
  timezone: timezone.optional(),
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
