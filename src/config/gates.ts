/**
 * Gates: `deferral-rate: "> 10%"` → Condition. Rates are percentages and become fractions; `window-open` is a time.
 *
 * A group of gates that is not written has the defaults below; an empty one (`hold: {}`) has none.
 */
import type { Place } from '../kernel/fault.js';
import { GATE_METRICS } from '../kernel/schedule.js';
import type { Condition, GateMetric, Schedule } from '../kernel/schedule.js';
import { parseDuration } from '../kernel/units.js';
import { mapping, scalar } from './shape.js';
import { wholeNumber } from './words.js';
import type { Path, YamlText } from './yaml-text.js';

interface Bound {
  readonly op: Condition['op'];
  readonly value: number;
  readonly written: string;
}

const COMPARISON = /^(>=|<=|>|<)\s*(\S.*)$/;

const percentBound = scalar<Bound>(
  'bad-gate',
  { type: 'string', description: 'a comparison with a percentage such as "> 10%"', examples: ['>= 50%', '> 10%'] },
  text => {
    const allowed = 'a comparison with a percentage such as "> 10%" or ">= 50%"';
    const [, op, rest] = COMPARISON.exec(text.trim()) ?? [];
    const number = /^(\d+(?:\.\d+)?)\s*%$/.exec(rest ?? '')?.[1];
    if (op !== undefined && number !== undefined)
      return { ok: true, value: { op: op as Condition['op'], value: Number(number) / 100, written: `${op} ${number}%` } };
    const bare = /^\d+(\.\d+)?$/.test(rest ?? '')
      ? 'the % sign is missing'
      : op === undefined
        ? 'it begins with >, >=, < or <='
        : undefined;
    return { ok: false, allowed, ...(bare !== undefined && { hint: bare }) };
  },
);

const timeBound = scalar<Bound>(
  'bad-gate',
  { type: 'string', description: 'a comparison with a time such as "> 4h"', examples: ['> 4h'] },
  text => {
    const allowed = 'a comparison with a time such as "> 4h"';
    const [, op, rest] = COMPARISON.exec(text.trim()) ?? [];
    const time = parseDuration(rest ?? '');
    if (op === undefined || !time.ok) return { ok: false, allowed };
    return { ok: true, value: { op: op as Condition['op'], value: time.value, written: `${op} ${rest}` } };
  },
);

const metrics = {
  sent: percentBound.optional(),
  delivered: percentBound.optional(),
  'deferral-rate': percentBound.optional(),
  'hard-bounce-rate': percentBound.optional(),
  'block-rate': percentBound.optional(),
  'complaint-rate': percentBound.optional(),
  'window-open': timeBound.optional(),
} satisfies Record<GateMetric, unknown>;

export const gatesShape = mapping('gates', {
  advance: mapping('the advance gate', metrics).optional(),
  hold: mapping('the hold gate', metrics).optional(),
  'step-back': mapping('the step-back gate', metrics).optional(),
  'min-sample': wholeNumber.optional(),
});

type Metrics = { readonly [K in GateMetric]?: Bound | undefined };

const DEFAULT_TEXT = {
  advance: { sent: '>= 50%', delivered: '>= 90%' },
  hold: { 'deferral-rate': '> 10%', 'hard-bounce-rate': '> 5%', 'complaint-rate': '> 0.1%', 'window-open': '> 4h' },
  'step-back': { 'block-rate': '> 1%', 'deferral-rate': '> 30%', 'complaint-rate': '> 0.3%' },
} as const;

/** Below this many recipients nothing trips and nothing is earned. */
const MIN_SAMPLE = 20;
/** Where a default condition says it comes from. */
export const BUILT_IN: Place = { file: 'built-in default', line: 0, col: 0 };

type Group = keyof typeof DEFAULT_TEXT;

/** The gates of a schedule, defaults filled in; `data` has passed gatesShape. */
export function toGates(
  data: { readonly [K in Group]?: Metrics | undefined } & { readonly 'min-sample'?: number | undefined },
  yaml: YamlText,
  path: Path,
): Schedule['gates'] {
  const group = (name: Group): Condition[] => {
    const written = data[name];
    if (written === undefined) return conditions(gatesShape.shape[name].parse(DEFAULT_TEXT[name]) ?? {}, () => BUILT_IN);
    return conditions(written, metric => yaml.key([...path, name, metric]));
  };
  return { advance: group('advance'), hold: group('hold'), stepBack: group('step-back'), minSample: data['min-sample'] ?? MIN_SAMPLE };
}

function conditions(bounds: Metrics, from: (metric: GateMetric) => Place): Condition[] {
  return GATE_METRICS.flatMap(metric => {
    const bound = bounds[metric];
    return bound ? [{ metric, op: bound.op, value: bound.value, from: from(metric), text: `${metric} ${bound.written}` }] : [];
  });
}
