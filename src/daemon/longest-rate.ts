/**
 * How far back departures count: the longest period of any `max-msg-rate` in force, an hour at least. The ledger keeps as much,
 * or a restart would forget it and let the rate out anew.
 */
import type { Limits } from '../kernel/limits.js';
import type { Settings } from '../kernel/settings.js';
import { HOUR, type Ms } from '../kernel/units.js';

export function longestRate({ defaults, total, sources, providers, schedules }: Settings): Ms {
  let longest = HOUR;
  const look = ({ maxMsgRate }: Limits): void => {
    if (maxMsgRate && maxMsgRate.value.count !== Infinity) longest = Math.max(longest, maxMsgRate.value.per);
  };
  look(defaults);
  look(total);
  for (const source of sources.values()) look(source.limits);
  for (const provider of providers.values()) look(provider.limits);
  for (const schedule of schedules.values()) {
    for (const { stages } of [schedule, ...schedule.providers.values()]) for (const { limits } of stages) look(limits);
  }
  return longest;
}
