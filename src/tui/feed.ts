/** The event feed: newest line last, one line each. Pure. */
import type { FeedView } from '../control/view.js';
import { dim, span, type Colour, type Line } from './line.js';
import { remote, timeText, type Moment } from './text.js';
import { quoted } from './windows.js';

const COLOURS: ReadonlyMap<string, Colour> = new Map([
  ['window-opened', 'magenta'],
  ['window-extended', 'magenta'],
  ['window-closed', 'green'],
  ['window-lifted', 'green'],
  ['stage-advanced', 'green'],
  ['graduated', 'green'],
  ['stage-held', 'yellow'],
  ['held', 'yellow'],
  ['stage-back', 'red'],
  ['stage-braked', 'red'],
  ['paused', 'gray'],
]);

/** As wide as the longest type. */
const TYPE = 15;

function feedLine(line: FeedView, time: string): Line {
  const text = remote(line.text);
  // Most sentences name the lane or the source they are about.
  const about = line.source === undefined || text.includes(line.source) ? '' : `${line.source}${line.provider ? `/${line.provider}` : ''} `;
  const colour = COLOURS.get(line.type);
  return [
    dim(`${time}  `),
    span(remote(line.type).padEnd(TYPE), colour === undefined ? {} : { colour }),
    span(`  ${remote(about)}${about === '' ? '' : '  '}${text}`),
    ...(line.reply === undefined ? [] : [dim(` ${quoted(line.reply)}`)]),
    dim(` [${remote(line.author)}]`),
  ];
}

/** The last `room` lines. */
export function feedLines(feed: readonly FeedView[], room: number, moment: Moment): Line[] {
  if (room <= 0) return [];
  const lines = feed.slice(-room);
  const times = lines.map(line => timeText(line.time, moment, true));
  const width = Math.max(0, ...times.map(time => time.length));
  return lines.map((line, i) => feedLine(line, (times[i] ?? '').padEnd(width)));
}
