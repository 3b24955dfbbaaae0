/**
 * What volume each warming source needs a day to climb: said by `check`, which knows the schedules and no history. Pure.
 */
import { dayNeeded } from '../govern/warm-up-outlook.js';
import { stagesOf } from '../govern/warm-up-stages.js';
import type { Stage } from '../kernel/schedule.js';
import type { Settings } from '../kernel/settings.js';

export interface StageNeeds {
  readonly stage: number;
  readonly maxMsgPerHour: number;
  /** Recipients a day that earn it; 0 where volume earns nothing. */
  readonly needs: number;
}

export interface RampNeeds {
  readonly source: string;
  readonly schedule: string;
  readonly first: StageNeeds;
  readonly last: StageNeeds;
}

export function ramps(settings: Settings): RampNeeds[] {
  return [...settings.sources.values()].flatMap(({ name, warmUp }) => {
    const schedule = warmUp && settings.schedules.get(warmUp.schedule);
    if (!schedule) return [];
    const stages = stagesOf(schedule, warmUp.target, warmUp.from);
    const at = (number: number, { limits }: Stage): StageNeeds => ({
      stage: number,
      maxMsgPerHour: limits.maxMsgPerHour?.value ?? 0,
      needs: dayNeeded(schedule, limits),
    });
    const begin = Math.min(warmUp.stage, stages.length);
    const [first, last] = [stages[begin - 1], stages.at(-1)];
    return first && last ? [{ source: name, schedule: schedule.name, first: at(begin, first), last: at(stages.length, last) }] : [];
  });
}

/** One line for all sources that need the same. */
export function rampLines(settings: Settings): string[] {
  const names = new Map<string, string[]>();
  for (const { source, first, last } of ramps(settings)) {
    const text = first.needs + last.needs === 0 ? 'climbs whatever its volume' : `to earn ${told(first)}, ${told(last)}`;
    names.set(text, [...(names.get(text) ?? []), source]);
  }
  return [...names].map(([text, sources], i) => `  ${(i === 0 ? 'ramps' : '').padEnd(9)}  ${sources.join(', ')}: ${text}`);
}

const told = ({ stage, maxMsgPerHour, needs }: StageNeeds): string =>
  `${needs.toLocaleString('en-US')} recipients a day at stage ${stage} (${maxMsgPerHour.toLocaleString('en-US')}/h)`;
