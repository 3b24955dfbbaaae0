/**
 * A model as the lines of one screen: a heading, one of the screens, what is asked or told, the keys.
 *
 * Pure. Always exactly rows - 1 lines, none wider than the screen, only characters that may be shown; below 40 x 10 one
 * sentence. While the daemon is away the last answer stays, dimmed, under a banner that says so.
 */
import { numberText } from '../control/reason-text.js';
import type { StatusView } from '../control/view.js';
import { printSpan } from '../kernel/units.js';
import { detailLines } from './detail.js';
import { helpLines } from './help.js';
import { boxed } from './layout.js';
import { bold, dim, ends, filled, fitted, span, styled, widthOf, type Line } from './line.js';
import { listLines } from './list.js';
import { momentOf, sourceOf, type Model } from './model.js';
import { dateText, remote } from './text.js';

const LEAST = { columns: 40, rows: 10 };
/** Heading and footer. */
const AROUND = 4;

export function frame(model: Model): Line[] {
  const { columns: width, rows } = model.size;
  const height = Math.max(1, rows - 1);
  if (width < LEAST.columns || rows < LEAST.rows) {
    return boxed([fitted([span(`needs ${LEAST.columns}x${LEAST.rows}, has ${width}x${rows}`)], width)], height);
  }
  const body = bodyLines(model, width, height - AROUND);
  const old = model.away !== null && !model.help;
  const lines = [...heading(model, width), ...(old ? body.map(greyed) : body), told(model, width), hints(model)];
  return boxed(
    lines.map(line => fitted(line, width)),
    height,
  );
}

/** What the last answer said, not what is: no colours, all dim. */
const greyed = (line: Line): Line => line.map(piece => ({ text: piece.text, dim: true }));

function bodyLines(model: Model, width: number, height: number): Line[] {
  if (model.help) return helpLines(width, height);
  if (model.status === null) {
    const what = model.away === null ? 'Asking the daemon …' : 'No answer yet. As soon as the daemon answers, its sources are shown here.';
    return boxed([[], [span('  '), span(what)]], height);
  }
  const source = sourceOf(model);
  return model.open !== null && source !== undefined ? detailLines(model, source, width, height) : listLines(model, width, height);
}

function heading(model: Model, width: number): Line[] {
  const { status, away } = model;
  const name = model.title === undefined ? 'rampd' : `rampd · ${remote(model.title)}`;
  const moment = momentOf(model);
  const first = ends(
    [
      span(' '),
      bold(name),
      ...(status === null
        ? []
        : [dim(` ${remote(status.version)}, up ${printSpan(status.uptime * 1_000)}, `), span(dateText(status.now, moment))]),
    ],
    away !== null
      ? [span(' AWAY ', { colour: 'red', inverse: true, bold: true })]
      : status === null
        ? [dim('connecting ')]
        : [span('● ', { colour: 'green' }), dim('live ')],
    width,
  );
  if (away !== null) {
    const forText = away.since < 1_000 ? '' : ` for ${printSpan(away.since)}`;
    return [first, filled([span(` away${forText}, retrying: ${remote(away.text)}`, { colour: 'red', inverse: true })], width)];
  }
  if (status === null) return [first, []];
  return [first, [span(' '), ...totalsOf(status.totals, width - 1)]];
}

/** As many as fit whole, the most telling first; what is rare only when it happened. */
function totalsOf(totals: StatusView['totals'], width: number): Line {
  const figures: readonly (readonly [number, string])[] = [
    [totals.waiting, 'waiting'],
    [totals.delivered, 'delivered'],
    [totals.deferred, 'deferrals'],
    [totals.bounced, 'bounced'],
    ...(totals.uncertain > 0 ? [[totals.uncertain, 'uncertain'] as const] : []),
    [totals.accepted, 'accepted'],
    ...(totals.suppressed > 0 ? [[totals.suppressed, 'suppressed'] as const] : []),
    ...(totals.deleted > 0 ? [[totals.deleted, 'deleted'] as const] : []),
  ];
  let left = width;
  return figures.flatMap(([n, what]): Line => {
    const figure = [bold(numberText(n)), dim(` ${what}`)];
    left -= widthOf(figure);
    if (left < 0) return [];
    left -= 2;
    return [...figure, span('  ')];
  });
}

/** The question, what is typed, or what came of the last act. */
function told(model: Model, width: number): Line {
  if (model.ask !== null) {
    return filled([span(` ${model.ask.question} `, { colour: 'yellow', inverse: true, bold: true }), span(' y/n ', { bold: true })], width);
  }
  if (model.typing) return [bold(' / '), span(model.filter), span(' ', { inverse: true })];
  if (model.note === null) return [];
  const { tone, text } = model.note;
  const sign = tone === 'good' ? '✓ ' : tone === 'bad' ? '✗ ' : '';
  return styled(
    [span(` ${sign}${remote(text)}`)],
    tone === 'good' ? { colour: 'green' } : tone === 'bad' ? { colour: 'red', bold: true } : {},
  );
}

function hints(model: Model): Line {
  const hint = (key: string, what: string): Line => [bold(key), dim(` ${what}  `)];
  if (model.help) return [span(' '), ...hint('any key', 'back')];
  if (model.ask !== null) return [span(' '), ...hint('y', 'yes'), ...hint('n', 'no')];
  if (model.typing) return [span(' '), ...hint('⏎', 'keep'), ...hint('esc', 'forget'), ...hint('↑↓', 'move')];
  const source = sourceOf(model);
  const paused = source?.state === 'paused';
  const held = source?.state === 'holding' || source?.state === 'suspended';
  const open = model.open !== null;
  return [
    span(' '),
    ...hint('↑↓', 'move'),
    ...(open ? hint('esc', 'back') : hint('⏎', 'open')),
    ...hint('p', paused ? 'resume' : 'pause'),
    ...hint('h', held ? 'release' : 'hold'),
    ...hint('l', 'lift'),
    ...(open ? [] : [...hint('s', 'sort'), ...hint('/', 'filter')]),
    ...hint('?', 'help'),
    ...hint('q', 'quit'),
  ];
}
