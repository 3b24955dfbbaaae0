/**
 * Windows in force: what each does, how long still, and the reply that caused it. Pure.
 */
import { numberText } from '../control/reason-text.js';
import type { WindowView } from '../control/view.js';
import { rowLine, widthsOf, type Column } from './layout.js';
import { chosen, dim, filled, span, type Line } from './line.js';
import { cut, leftText, remote, type Moment } from './text.js';

/** `1 connection, 60/h` or `suspended`. */
export function effectText(w: WindowView): string {
  if (w.suspend) return 'suspended';
  const limits = [
    ...(w.maxSmtpOut === null ? [] : [`${numberText(w.maxSmtpOut)} ${w.maxSmtpOut === 1 ? 'connection' : 'connections'}`]),
    ...(w.maxMsgPerHour === null ? [] : [`${numberText(w.maxMsgPerHour)}/h`]),
  ];
  return limits.join(', ') || 'no limit';
}

/** The lane, a source on every lane, a provider from every source; or what narrower the window concerns. */
export function concernedText(w: WindowView): string {
  const lane = `${w.source ?? '*'}/${w.provider ?? '*'}`;
  return remote(w.subject === undefined ? lane : `${lane} ${w.scope} ${w.subject}`);
}

export const isRecovering = (w: WindowView, { now }: Moment): boolean => Date.parse(w.until) <= now;

function countdown(w: WindowView, moment: Moment): Line {
  return isRecovering(w, moment)
    ? [span(`recovering ${leftText(w.recoverUntil, moment)}`, { colour: 'green' })]
    : [span(`${leftText(w.until, moment)} left`, { colour: w.suspend ? 'red' : 'magenta' })];
}

export const quoted = (reply: string): string => `“${remote(reply)}”`;

/** Lines one window takes: its reply stands beside it where there is room, else below. */
export const windowHeight = (width: number): 1 | 2 => (width < 120 ? 2 : 1);

const columnsOf = (width: number, moment: Moment): Column<WindowView>[] => [
  { head: '', cell: w => [{ text: remote(w.id), bold: true }] },
  { head: '', cell: w => [span(cut(concernedText(w), 34))] },
  { head: '', cell: w => [span(effectText(w))] },
  { head: '', cell: w => countdown(w, moment) },
  ...(windowHeight(width) === 1 ? [{ head: '', cell: (w: WindowView) => [dim(quoted(w.reply))] }] : []),
];

/** All lines of these windows, windowHeight(width) each. `selected`: id of the chosen one. */
export function windowLines(windows: readonly WindowView[], width: number, moment: Moment, selected?: string): Line[] {
  const columns = columnsOf(width, moment);
  const widths = widthsOf(columns, windows);
  return windows.flatMap(w => {
    const isChosen = w.id === selected;
    const line = [span(isChosen ? '▸ ' : '  '), ...rowLine(columns, widths, 2, w)];
    const mark = (l: Line): Line => (isChosen ? chosen(filled(l, width)) : l);
    return [mark(line), ...(windowHeight(width) === 1 ? [] : [[span('     '), dim(quoted(w.reply))]])];
  });
}

/** Those that bind before those that recover; soonest end first. */
export function inOrder(windows: readonly WindowView[], moment: Moment): WindowView[] {
  const end = (w: WindowView): string => (isRecovering(w, moment) ? `1 ${w.recoverUntil}` : `0 ${w.until}`);
  return [...windows].sort((a, b) => (end(a) < end(b) ? -1 : 1));
}
