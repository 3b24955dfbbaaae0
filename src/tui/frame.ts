/**
 * A model as the lines of one screen: a heading, one of the screens, what is asked or told, the keys.
 *
 * Pure. Always exactly rows - 1 lines, none wider than the screen, only characters that may be shown; below 40 x 10 one
 * sentence. While the daemon is away the last answer stays, dimmed, under a banner that says so.
 */
import { numberText } from '../control/reason-text.js';
import { detailLines } from './detail.js';
import { helpLines } from './help.js';
import { boxed } from './layout.js';
import { bold, dim, ends, filled, fitted, span, styled, type Line } from './line.js';
import { listLines } from './list.js';
import { momentOf, sourceOf, type Model } from './model.js';
import { dateText, remote, spanText } from './text.js';

const LEAST = { columns: 40, rows: 10 };
/** Heading and footer. */
const AROUND = 4;

export function frame(model: Model): Line[] {
  const { columns: width, rows } = model.size;
  const height = Math.max(1, rows - 1);
  if (width < LEAST.columns || rows < LEAST.rows) {
    return boxed([fitted([span(`rampd top needs ${LEAST.columns}x${LEAST.rows}; this is ${width}x${rows}`)], width)], height);
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
        : [dim(` ${remote(status.version)}, up ${spanText(status.uptime * 1_000)}, `), span(dateText(status.now, moment))]),
    ],
    away !== null
      ? [span(' AWAY ', { colour: 'red', inverse: true, bold: true })]
      : status === null
        ? [dim('connecting ')]
        : [span('● ', { colour: 'green' }), dim('live ')],
    width,
  );
  if (away !== null) {
    const forText = away.since < 1_000 ? '' : ` for ${spanText(away.since)}`;
    return [first, filled([span(` daemon away${forText}, retrying: ${remote(away.text)}`, { colour: 'red', inverse: true })], width)];
  }
  if (status === null) return [first, []];
  const { totals } = status;
  const total = (n: number, what: string): Line => [bold(numberText(n)), dim(` ${what}  `)];
  const rare = (n: number, what: string): Line => (n === 0 ? [] : total(n, what));
  return [
    first,
    [
      span(' '),
      ...total(totals.waiting, 'waiting'),
      ...total(totals.delivered, 'delivered'),
      ...total(totals.deferred, 'deferrals'),
      ...total(totals.bounced, 'bounced'),
      ...total(totals.accepted, 'accepted'),
      ...rare(totals.uncertain, 'uncertain'),
      ...rare(totals.suppressed, 'suppressed'),
      ...rare(totals.deleted, 'deleted'),
    ],
  ];
}

/** The question, what is typed, or what came of the last act. */
function told(model: Model, width: number): Line {
  if (model.ask !== null) {
    return filled([span(` ${model.ask.question} `, { colour: 'yellow', inverse: true, bold: true }), span(' y/n ', { bold: true })], width);
  }
  if (model.typing) return [bold(' / '), span(model.filter), span(' ', { inverse: true }), dim('  ⏎ keep, esc forget')];
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
  const source = sourceOf(model);
  const paused = source?.state === 'paused';
  const held = source?.state === 'holding' || source?.state === 'suspended';
  const open = model.open !== null;
  return [
    span(' '),
    ...hint('↑↓', 'choose'),
    ...(open ? hint('esc', 'back') : hint('⏎', 'open')),
    ...hint('p', paused ? 'resume' : 'pause'),
    ...hint('h', held ? 'release' : 'hold'),
    ...hint('l', 'lift'),
    ...(open ? [] : [...hint('s', 'sort'), ...hint('/', 'filter')]),
    ...hint('?', 'help'),
    ...hint('q', 'quit'),
  ];
}
