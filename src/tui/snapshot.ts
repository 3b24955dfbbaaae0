/**
 * What `rampd top` prints when its output is no terminal: the list once, as plain text, as wide as it needs. Pure.
 */
import { numberText } from '../control/reason-text.js';
import type { StatusView } from '../control/view.js';
import { printSpan } from '../kernel/units.js';
import { fitted, plain, span, type Line } from './line.js';
import { sourceTable } from './sources.js';
import { dateText, type Moment } from './text.js';
import { inOrder, windowLines } from './windows.js';

/** Nothing is cut below this. */
const WIDTH = 1_000;

export function snapshot(status: StatusView, zone?: string): string {
  const moment: Moment = { now: Date.parse(status.now), ...(zone === undefined ? {} : { zone }) };
  const { totals } = status;
  const table = sourceTable(status.sources, WIDTH, moment);
  const lines: Line[] = [
    [span(`rampd ${status.version}, up ${printSpan(status.uptime * 1_000)}, ${dateText(status.now, moment)}`)],
    [
      span(
        `${numberText(totals.waiting)} waiting, ${numberText(totals.delivered)} delivered, ${numberText(totals.deferred)} deferrals, ` +
          `${numberText(totals.bounced)} bounced, ${numberText(totals.accepted)} accepted`,
      ),
    ],
    [],
    ...(status.sources.length === 0 ? [[span('No source is configured.')]] : [table.head, ...status.sources.map(s => table.row(s, false))]),
    ...(status.windows.length === 0 ? [] : [[], ...windowLines(inOrder(status.windows, moment), WIDTH, moment)]),
  ];
  return lines.map(line => `${plain(fitted(line, WIDTH))}\n`).join('');
}

/** Why the UI cannot be drawn on these streams, as a sentence; undefined when it can. */
export function cannotDraw(
  stdin: { readonly isTTY?: boolean | undefined },
  stdout: { readonly isTTY?: boolean | undefined },
  term: string | undefined,
): string | undefined {
  if (!stdout.isTTY) return 'the output is no terminal';
  if (!stdin.isTTY) return 'the input is no terminal';
  if (term === 'dumb') return 'the terminal cannot place text';
  return undefined;
}
