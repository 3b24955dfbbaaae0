/**
 * The limit keys as YAML: one set, wherever limits stand. Values come out with the place of their key.
 */
import { DIRECTIVES } from '../kernel/limits.js';
import type { LimitKey, Limits } from '../kernel/limits.js';
import type { Place } from '../kernel/fault.js';
import type { Findings } from './findings.js';
import { flag, mapping, oneOf, oneOrMany } from './shape.js';
import { count, daily, duration, hourly, positiveDuration, rate, someCount } from './words.js';
import type { Path, YamlText } from './yaml-text.js';

/** Field by field, by directive name. */
export const limitFields = {
  'max-smtp-out': count.optional(),
  'max-msg-per-hour': hourly.optional(),
  'max-msg-per-day': daily.optional(),
  'max-msg-rate': rate.optional(),
  'max-connect-rate': rate.optional(),
  'max-msg-per-connection': someCount.optional(),
  'max-rcpt-per-message': someCount.optional(),
  'max-errors-per-connection': someCount.optional(),
  pacing: oneOf('even: departures follow a grid within the hour; burst: as fast as the cap lets them', ['even', 'burst']).optional(),
  'retry-after': oneOrMany('a time such as 10m', duration).optional(),
  'bounce-after': positiveDuration.optional(),
  'max-attempts': someCount.optional(),
  'use-starttls': flag('true or false').optional(),
  'require-starttls': flag('true or false').optional(),
  'verify-starttls': flag('true or false').optional(),
  'connect-timeout': positiveDuration.optional(),
  'idle-timeout': positiveDuration.optional(),
};

export const limitsShape = mapping('limits', limitFields);

/** What the daemon as a whole can be held to. */
export const totalShape = mapping('total', {
  'max-smtp-out': limitFields['max-smtp-out'],
  'max-msg-per-hour': limitFields['max-msg-per-hour'],
  'max-msg-rate': limitFields['max-msg-rate'],
  'max-connect-rate': limitFields['max-connect-rate'],
});

type Read = { readonly [directive: string]: unknown };

/** Checked values → Limits; `data` may hold other keys, which are left alone. */
export function toLimits(data: Read, yaml: YamlText, path: Path, findings: Findings): Limits {
  const limits: Record<string, { value: unknown; from: Place }> = {};
  for (const [key, directive] of Object.entries(DIRECTIVES) as [LimitKey, string][]) {
    const value = data[directive];
    if (value === undefined) continue;
    if (key === 'retryAfter') {
      const list = value as readonly number[];
      if (list.length === 0 || list.some(ms => ms <= 0)) {
        findings.fault(yaml.place([...path, directive]), {
          code: 'bad-time',
          what: list.length === 0 ? 'retry-after is an empty list' : 'retry-after has a time of zero',
          allowed: 'times above zero, the last one repeats',
        });
        continue;
      }
    }
    limits[key] = { value, from: yaml.key([...path, directive]) };
  }
  return limits as Limits;
}
