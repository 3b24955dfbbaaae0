/**
 * The table of sources: one row each, as many columns as the width carries.
 *
 * Pure. Plans go from rich to poor; the first that fits is taken, so that nothing wraps: bars shrink, then the schedule
 * goes, the counts of the day merge, numbers are shortened, the cap joins what is used, then the next tick or the address goes.
 */
import { numberText } from '../control/reason-text.js';
import type { SourceView } from '../control/view.js';
import { headLine, rowLine, tableWidth, widthsOf, type Column } from './layout.js';
import { bar, chosen, dim, filled, span, STATE_COLOURS, type Line } from './line.js';
import { climbed, hourUse } from './model.js';
import { cut, leftText, remote, shortNumber, type Moment } from './text.js';

interface Plan {
  readonly bars: number;
  readonly gap: number;
  readonly name: number;
  readonly address: boolean;
  readonly schedule: boolean;
  /** delivered, deferred and bounced in columns of their own. */
  readonly apart: boolean;
  /** The cap in a column of its own. */
  readonly cap: boolean;
  readonly tick: boolean;
  readonly short: boolean;
}

const RICH: Plan = { bars: 14, gap: 2, name: 24, address: true, schedule: true, apart: true, cap: true, tick: true, short: false };

/** What is given up, step by step; each step keeps those before it. */
const STEPS: readonly Partial<Plan>[] = [
  { bars: 10 },
  { bars: 6 },
  { name: 16 },
  { schedule: false },
  { apart: false },
  { bars: 4 },
  { gap: 1 },
  { short: true },
  { cap: false },
  { name: 10 },
  { tick: false },
  { tick: true, address: false, bars: 8 },
  { bars: 6 },
  { bars: 4 },
  { tick: false },
  { bars: 0 },
];

const PLANS: readonly Plan[] = STEPS.reduce<Plan[]>((plans, step) => [...plans, { ...(plans.at(-1) ?? RICH), ...step }], [RICH]);

/** Columns of the longest state: the table keeps its shape when one changes. */
const STATE = 'backing-off'.length;
/** Room for `▸ `. */
const MARK = 2;

function columnsOf(plan: Plan, moment: Moment): Column<SourceView>[] {
  const number = (n: number): string => (plan.short ? shortNumber(n) : numberText(n));
  const figure = (head: string, of: (s: SourceView) => number): Column<SourceView> => ({
    head,
    cell: s => [of(s) === 0 ? dim('0') : span(number(of(s)))],
    right: true,
  });
  const barred = (ratio: number, source: SourceView): Line =>
    plan.bars === 0 ? [] : [span(' '), ...bar(ratio, plan.bars, STATE_COLOURS[source.state])];
  return [
    { head: 'SOURCE', cell: s => [{ text: cut(remote(s.name), plan.name), bold: true }] },
    ...(plan.address ? [{ head: 'ADDRESS', cell: (s: SourceView) => [span(remote(s.address))] }] : []),
    ...(plan.schedule
      ? [{ head: 'SCHEDULE', cell: (s: SourceView) => [s.schedule === null ? dim('–') : span(cut(remote(s.schedule), 20))] }]
      : []),
    { head: 'STATE', cell: s => [span(s.state.padEnd(STATE), { colour: STATE_COLOURS[s.state] })] },
    {
      head: 'STAGE',
      cell: s => {
        if (s.stage === null) return [dim('–')];
        const text = `${s.stage}/${s.stages ?? '?'}`;
        return [span(text.padStart(5)), ...barred(climbed(s), s)];
      },
    },
    ...(plan.cap
      ? [
          {
            head: 'CAP/H',
            cell: (s: SourceView) => [s.maxMsgPerHour === null ? dim('–') : span(number(s.maxMsgPerHour))],
            right: true,
          },
        ]
      : []),
    {
      head: plan.cap ? 'THIS HOUR' : 'HOUR',
      cell: s => {
        const used = number(s.attemptsLastHour);
        const of = plan.cap || s.maxMsgPerHour === null ? '' : `/${number(s.maxMsgPerHour)}`;
        // The bar starts where the number ends: padded to what five digits need.
        const text = (used + of).padStart(plan.short ? (plan.cap ? 4 : 9) : 6);
        return [span(text), ...(s.maxMsgPerHour === null ? [] : barred(hourUse(s), s))];
      },
    },
    ...(plan.apart
      ? [figure('DELIVERED', s => s.deliveredToday), figure('DEFERRED', s => s.deferredToday), figure('BOUNCED', s => s.bouncedToday)]
      : [
          {
            head: 'D/T/B',
            cell: (s: SourceView) => [span([s.deliveredToday, s.deferredToday, s.bouncedToday].map(number).join('/'))],
            right: true,
          },
        ]),
    figure(plan.short ? 'WAIT' : 'WAITING', s => s.waiting),
    ...(plan.tick
      ? [{ head: plan.short ? 'TICK' : 'NEXT TICK', cell: (s: SourceView) => [span(leftText(s.nextTick, moment))], right: true }]
      : []),
  ];
}

export interface SourceTable {
  readonly head: Line;
  readonly row: (source: SourceView, selected: boolean) => Line;
}

/** Measures all sources, so that columns stand still while the list scrolls. */
export function sourceTable(sources: readonly SourceView[], width: number, moment: Moment): SourceTable {
  let columns: Column<SourceView>[] = [];
  let widths: number[] = [];
  let gap = 1;
  for (const plan of PLANS) {
    columns = columnsOf(plan, moment);
    widths = widthsOf(columns, sources);
    gap = plan.gap;
    if (MARK + tableWidth(widths, gap) <= width) break;
  }
  return {
    head: [span(' '.repeat(MARK)), ...headLine(columns, widths, gap)],
    row: (source, selected) => {
      const line = [span(selected ? '▸ ' : '  '), ...rowLine(columns, widths, gap, source)];
      return selected ? chosen(filled(line, width)) : line;
    },
  };
}
