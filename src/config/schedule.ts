/**
 * One schedule file → Schedule, or faults. Formula ramps come out as explicit stages.
 */
import type { Place } from '../kernel/fault.js';
import type { LimitKey, Limits } from '../kernel/limits.js';
import type { Schedule, Stage } from '../kernel/schedule.js';
import { DAY } from '../kernel/units.js';
import { take } from './check.js';
import type { Findings } from './findings.js';
import { toGates } from './gates.js';
import { toLimits } from './limits.js';
import { hourlyCaps, impossible } from './ramp.js';
import type { Ramp } from './ramp.js';
import { scheduleShape } from './schedule-shape.js';
import type { Path, YamlText } from './yaml-text.js';

/** Silence cools an address: after 10 days one stage, another every 7, and from the start after 30 (DESIGN 4.2). */
export const IDLE: Schedule['idle'] = { after: 10 * DAY, stepBack: 1, every: 7 * DAY, restartAfter: 30 * DAY };
const NO_IDLE: Schedule['idle'] = { after: Infinity, stepBack: 1, every: 7 * DAY, restartAfter: Infinity };
const GROWTH = 2;

interface Steps {
  readonly ramp?: { from: number; to: number; stages: number; curve?: 'geometric' | 'linear' | undefined } | undefined;
  readonly stages?: readonly { readonly [directive: string]: unknown }[] | undefined;
}

export function toSchedule(yaml: YamlText, findings: Findings): Schedule | undefined {
  const before = findings.count;
  const data = take(scheduleShape, yaml, [], yaml.value, findings);
  if (!data) return undefined;
  const stages = toStages(data, yaml, [], `schedule ${data.name}`, findings);
  const providers = new Map<string, { stages: readonly Stage[]; from: Place }>();
  for (const [provider, own] of Object.entries(data.providers ?? {})) {
    const path: Path = ['providers', provider];
    const steps = ownStages(own, stages, yaml, path, findings);
    if (steps) providers.set(provider, { stages: steps, from: yaml.key(path) });
  }
  const gates = toGates(data.gates ?? {}, yaml, ['gates']);
  if (!findings.cleanSince(before)) return undefined;
  return {
    name: data.name,
    description: data.description ?? '',
    from: yaml.key(['name']),
    tick: data.tick,
    timezone: data.timezone ?? 'UTC',
    advance: data.advance ?? 'earned',
    stages,
    providers,
    gates,
    idle: toIdle(data.idle),
    growth: data.growth ?? GROWTH,
  };
}

function toIdle(
  idle:
    | 'none'
    | { after?: number | undefined; 'step-back'?: number | undefined; every?: number | undefined; 'restart-after'?: number | undefined }
    | undefined,
): Schedule['idle'] {
  if (idle === 'none') return NO_IDLE;
  return {
    after: idle?.after ?? IDLE.after,
    stepBack: idle?.['step-back'] ?? IDLE.stepBack,
    every: idle?.every ?? IDLE.every,
    restartAfter: idle?.['restart-after'] ?? IDLE.restartAfter,
  };
}

/** The stages of a schedule or of a provider in it; empty after a fault. */
function toStages(steps: Steps, yaml: YamlText, path: Path, whose: string, findings: Findings): Stage[] {
  if (steps.ramp && steps.stages) {
    findings.fault(yaml.key([...path, 'stages']), {
      code: 'ramp-and-stages',
      what: `${whose} has a ramp and stages`,
      hint: 'keep one of the two: the ramp is the formula, the stages are the list',
    });
    return [];
  }
  if (steps.ramp) return rampStages(steps.ramp, yaml, [...path, 'ramp'], findings);
  if (!steps.stages || steps.stages.length === 0) {
    const place = steps.stages ? yaml.key([...path, 'stages']) : yaml.key(path.length > 0 ? path : ['name']);
    findings.fault(place, {
      code: 'no-stages',
      what: `${whose} has no stages`,
      allowed: 'ramp: { from, to, stages }, or a list of stages',
    });
    return [];
  }
  return steps.stages.map((data, i) => {
    const here: Path = [...path, 'stages', i];
    const limits = toLimits(data, yaml, here, findings);
    finite(limits.maxMsgPerHour?.value, `max-msg-per-hour of stage ${i + 1}`, yaml.place([...here, 'max-msg-per-hour']), findings);
    return { number: i + 1, limits, from: yaml.place(here) };
  });
}

/** A stage that lets nothing out can never be earned, and one without a cap is no stage. */
function finite(value: number | undefined, what: string, place: Place, findings: Findings): boolean {
  if (value !== undefined && Number.isFinite(value) && value > 0) return true;
  findings.fault(place, {
    code: 'bad-stage',
    what: `${what} is ${value === 0 ? 'none' : 'unlimited'}`,
    allowed: 'a rate such as 20/h',
    hint: value === 0 ? 'nothing could leave, so the stage could never be earned' : 'a stage without a cap would end the warm-up',
  });
  return false;
}

function rampStages(ramp: NonNullable<Steps['ramp']>, yaml: YamlText, path: Path, findings: Findings): Stage[] {
  const from = yaml.key(path);
  const before = findings.count;
  for (const end of ['from', 'to'] as const) finite(ramp[end], `${end} of the ramp`, yaml.place([...path, end]), findings);
  if (!findings.cleanSince(before)) return [];
  const formula: Ramp = { from: ramp.from, to: ramp.to, stages: ramp.stages, curve: ramp.curve ?? 'geometric' };
  if (formula.to <= formula.from) {
    findings.fault(yaml.place([...path, 'to']), {
      code: 'bad-ramp',
      what: `the ramp does not rise: from ${formula.from}/h to ${formula.to}/h`,
    });
    return [];
  }
  if (impossible(formula)) {
    findings.fault(yaml.place([...path, 'stages']), {
      code: 'bad-ramp',
      what: `${formula.stages} stages cannot all differ between ${formula.from}/h and ${formula.to}/h`,
      allowed: `at most ${formula.to - formula.from + 1} stages`,
    });
    return [];
  }
  return hourlyCaps(formula).map((value, i) => ({ number: i + 1, limits: { maxMsgPerHour: { value, from } }, from }));
}

type Own = Steps & { readonly scale?: number | undefined };

function ownStages(own: Own, stages: readonly Stage[], yaml: YamlText, path: Path, findings: Findings): readonly Stage[] | undefined {
  const said = (['scale', 'ramp', 'stages'] as const).filter(key => own[key] !== undefined);
  if (said.length !== 1) {
    findings.fault(yaml.key(path), {
      code: 'bad-share',
      what: said.length === 0 ? `${path.at(-1)} says neither scale nor stages` : `${path.at(-1)} says ${said.join(' and ')}`,
      allowed: 'one of scale, ramp, stages',
    });
    return undefined;
  }
  if (own.scale === undefined) return toStages(own, yaml, path, `provider ${path.at(-1)}`, findings);
  const factor = own.scale;
  const from = yaml.key([...path, 'scale']);
  return stages.map(stage => ({ number: stage.number, limits: scaled(stage.limits, factor, from), from }));
}

/** Volumes are scaled and never fall under 1; connections and the rest stay as the stage has them. */
function scaled(limits: Limits, factor: number, from: Place): Limits {
  const volume = (key: LimitKey & ('maxMsgPerHour' | 'maxMsgPerDay')) => {
    const stated = limits[key];
    return stated && { [key]: { value: Math.max(1, Math.round(stated.value * factor)), from } };
  };
  const rate = limits.maxMsgRate;
  return {
    ...limits,
    ...volume('maxMsgPerHour'),
    ...volume('maxMsgPerDay'),
    ...(rate && { maxMsgRate: { value: { count: Math.max(1, Math.round(rate.value.count * factor)), per: rate.value.per }, from } }),
  };
}
