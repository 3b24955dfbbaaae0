/** The first screen: all sources, the windows in force, the feed. Pure. */
import { feedLines } from './feed.js';
import { boxed, scrolled, seenText, share } from './layout.js';
import { dim, span, title, type Line } from './line.js';
import { chosenIndex, momentOf, sourcesOf, type Model } from './model.js';
import { sourceTable } from './sources.js';
import { remote } from './text.js';
import { inOrder, windowHeight, windowLines } from './windows.js';

export function listLines(model: Model, width: number, height: number): Line[] {
  const moment = momentOf(model);
  const all = model.status?.sources ?? [];
  const sources = sourcesOf(model);
  const windows = inOrder(model.status?.windows ?? [], moment);
  const each = windowHeight(width);
  const rows = Math.max(1, sources.length);
  const wanted = windows.length === 0 ? 0 : 1 + each * windows.length;
  const given = share(height, [
    ['sources', 2 + Math.min(rows, 2)],
    ['windows', windows.length === 0 ? 0 : 1 + each],
    ['feed', 3],
    ['sources', Math.min(2 + rows, 12)],
    ['windows', Math.min(wanted, 1 + 3 * each)],
    ['feed', 6],
    ['sources', 2 + rows],
    ['windows', wanted],
    ['feed', Infinity],
  ]);

  const at = chosenIndex(model, sources);
  const seen = scrolled(sources.length, given.sources - 2, at);
  const table = sourceTable(all, width, moment);
  const notes = [
    ...(model.sort === 'as configured' ? [] : [model.sort]),
    ...(model.filter === '' ? [] : [`filter “${remote(model.filter)}”, ${all.length} in all`]),
  ];
  const sourceLines = [
    title(`Sources ${seenText(sources.length, seen)}`, notes, width),
    table.head,
    ...sources.slice(seen.from, seen.to).map((source, i) => table.row(source, seen.from + i === at)),
    ...(sources.length > 0 ? [] : [[span('  '), dim(all.length === 0 ? 'No source is configured.' : 'No source matches; esc shows all.')]]),
  ];

  const room = Math.max(0, Math.floor((given.windows - 1) / each));
  const windowSection = [
    title(`Windows ${seenText(windows.length, { from: 0, to: room })}`, [], width),
    ...windowLines(windows.slice(0, room), width, moment),
  ];
  const feedSection = [
    title('Events', [], width),
    ...(model.feed.length === 0 ? [[span('  '), dim('Nothing has happened yet.')]] : feedLines(model.feed, given.feed - 1, moment)),
  ];
  return boxed([...boxed(sourceLines, given.sources), ...boxed(windowSection, given.windows), ...boxed(feedSection, given.feed)], height);
}
