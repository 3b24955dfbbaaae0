/** The second screen: one source, its windows and lanes, and why the chosen lane waits. Pure. */
import { numberText, reasonText, sndsText, waitingText } from '../control/reason-text.js';
import type { LaneView, SourceView, WindowView } from '../control/view.js';
import { feedLines } from './feed.js';
import { boxed, headLine, rowLine, scrolled, seenText, share, widthsOf, type Column } from './layout.js';
import { bar, chosen, dim, filled, span, STATE_COLOURS, title, type Line } from './line.js';
import { climbed, hourUse, itemIndex, itemsOf, momentOf, type Item, type Model } from './model.js';
import { cut, leftText, remote, timeText, whenText, wrap, type Moment } from './text.js';
import { concernedText, effectText, isRecovering, quoted, windowHeight, windowLines } from './windows.js';

const ofLimit = (used: number, most: number | null): string => `${numberText(used)}${most === null ? '' : `/${numberText(most)}`}`;

function facts(source: SourceView, width: number, moment: Moment): Line[] {
  const colour = STATE_COLOURS[source.state];
  const size = width < 110 ? 8 : 16;
  const day = source.maxMsgPerDay;
  const first = source.because[0];
  const fact = (label: string, text: string): Line => [dim(`  ${label} `), span(text)];
  return [
    [
      span(` ${source.state}`, { colour, bold: true }),
      ...(source.stage === null
        ? [span(source.schedule === null ? '  no warm-up' : `  ${remote(source.schedule)}`)]
        : [
            span(`  ${remote(source.schedule ?? '')}`),
            ...fact('stage', `${source.stage}/${source.stages ?? '?'} `),
            ...bar(climbed(source), size, colour),
          ]),
      ...(source.earned === null
        ? []
        : [span('  '), source.earned ? span('day earned', { colour: 'green' }) : span('day not yet earned', { colour: 'yellow' })]),
    ],
    [
      dim(' last hour '),
      span(`${ofLimit(source.attemptsLastHour, source.maxMsgPerHour)} `),
      ...(source.maxMsgPerHour === null ? [] : bar(hourUse(source), size, colour)),
      ...fact('today', `${ofLimit(source.attemptsToday, day)} `),
      ...(day === null ? [] : bar(day === 0 ? 1 : source.attemptsToday / day, size, colour)),
      ...(source.nextTick === null
        ? []
        : fact('next tick', width < 110 ? `in ${leftText(source.nextTick, moment)}` : whenText(source.nextTick, moment))),
    ],
    [
      span(' '),
      span(numberText(source.deliveredToday)),
      dim(' delivered  '),
      span(numberText(source.deferredToday)),
      dim(' deferred  '),
      span(numberText(source.bouncedToday)),
      dim(' bounced today  '),
      ...(source.complaints > 0
        ? [span(numberText(source.complaints)), dim(` ${source.complaints === 1 ? 'complaint' : 'complaints'} (7 d)  `)]
        : []),
      span(numberText(source.waiting)),
      dim(' waiting'),
    ],
    ...(source.snds === null ? [] : [[span(` ${remote(sndsText(source.snds))}`)]]),
    ...(first === undefined ? [] : [[dim(' waits: '), span(`${reasonText(first)}${endText(first.until, moment)}`)]]),
  ];
}

const endText = (until: string | null, moment: Moment): string => (until === null ? '' : `, ends ${whenText(until, moment)}`);

function nextOf({ verdict }: LaneView, moment: Moment): Line {
  if (verdict.go) return [span('goes', { colour: 'green' })];
  return [span(verdict.until === null ? 'held' : leftText(verdict.until, moment), { colour: 'yellow' })];
}

const laneColumns = (width: number, moment: Moment): Column<LaneView>[] => [
  { head: 'LANE', cell: l => [{ text: cut(remote(l.provider), width < 110 ? 18 : 34), bold: true }] },
  { head: 'NEXT', cell: l => nextOf(l, moment), right: true },
  { head: 'CONN', cell: l => [span(ofLimit(l.connections, l.maxSmtpOut))], right: true },
  { head: 'HOUR', cell: l => [span(ofLimit(l.attemptsLastHour, l.maxMsgPerHour))], right: true },
  { head: 'WAITING', cell: l => [span(numberText(l.waiting))], right: true },
  { head: 'BECAUSE', cell: l => [span([...l.windows, ...(l.verdict.because[0] ? [reasonText(l.verdict.because[0])] : [])].join(' '))] },
];

/** Verdict and all reasons, the binding one first, each with the reply behind it. */
function whyLines(lane: LaneView, width: number, moment: Moment): Line[] {
  const { verdict } = lane;
  if (verdict.go)
    return [
      [span('  goes now: no limit is in its way', { colour: 'green' })],
      ...(lane.waiting > 0 ? wrap(waitingText(lane.waiting), width - 2, 3).map((text): Line => [span('  '), dim(text)]) : []),
    ];
  const when = whenText(verdict.until, moment);
  const head =
    verdict.until === null ? 'waits until a person or an event ends it' : when === 'now' ? 'goes any moment' : `waits until ${when}`;
  return [
    [span(`  ${head}`, { colour: 'yellow' })],
    ...verdict.because.flatMap((reason, i) => {
      const text = `${reasonText(reason)}${endText(reason.until, moment)}`;
      const lines = wrap(remote(text), width - 6, 3).map((line, j): Line => [
        dim(j === 0 ? ` ${String(i + 1).padStart(2)}. ` : '     '),
        span(line),
      ]);
      const replies =
        reason.reply === undefined ? [] : wrap(quoted(reason.reply), width - 6, 3).map((line): Line => [span('     '), dim(line)]);
      return [...lines, ...replies];
    }),
  ];
}

function causeLines(w: WindowView, width: number, moment: Moment): Line[] {
  const ends = isRecovering(w, moment)
    ? `ended ${whenText(w.until, moment)}, normal again ${whenText(w.recoverUntil, moment)}`
    : `ends ${whenText(w.until, moment)}, normal again ${timeText(w.recoverUntil, moment)}`;
  const hits = `${w.hits} ${w.hits === 1 ? 'hit' : 'hits'}`;
  const paragraph = (text: string): Line[] => wrap(remote(text), width - 3, 3).map(line => [span(`  ${line}`)]);
  return [
    ...paragraph(`${effectText(w)} for ${concernedText(w)}; ${ends}`),
    ...paragraph(`rule ${w.rule} (${w.from}), ${hits}, opened ${whenText(w.opened, moment)}`),
    ...wrap(quoted(w.reply), width - 6, 6).map((line): Line => [span('     '), dim(line)]),
  ];
}

function panel(item: Item | undefined, width: number, moment: Moment): Line[] {
  if (item === undefined) return [];
  return item.kind === 'lane'
    ? [title(`Why ${remote(item.lane.source)}/${remote(item.lane.provider)}`, [], width), ...whyLines(item.lane, width, moment)]
    : [title(`Window ${remote(item.window.id)}`, ['l lifts it'], width), ...causeLines(item.window, width, moment)];
}

export function detailLines(model: Model, source: SourceView, width: number, height: number): Line[] {
  const moment = momentOf(model);
  const items = itemsOf(model);
  const at = itemIndex(model, items);
  const item = items[at];
  const windows = items.flatMap(i => (i.kind === 'window' ? [i.window] : []));
  const lanes = items.flatMap(i => (i.kind === 'lane' ? [i.lane] : []));
  const why = panel(item, width, moment);
  const each = windowHeight(width);
  const feed = model.feed.filter(line => line.source === source.name);
  const head = [title(remote(source.name), [remote(source.address), remote(source.hostName)], width), ...facts(source, width, moment)];
  const rows = Math.max(1, lanes.length);
  const given = share(height - head.length, [
    ['lanes', 2 + Math.min(rows, 2)],
    ['windows', windows.length === 0 ? 0 : 1 + each],
    ['why', Math.min(why.length, 5)],
    ['lanes', 2 + Math.min(rows, 5)],
    ['why', why.length],
    ['windows', windows.length === 0 ? 0 : 1 + each * Math.min(windows.length, 3)],
    ['feed', 3],
    ['lanes', 2 + rows],
    ['windows', windows.length === 0 ? 0 : 1 + each * windows.length],
    ['feed', Infinity],
  ]);

  const windowRoom = Math.max(0, Math.floor((given.windows - 1) / each));
  const chosenWindow = item?.kind === 'window' ? item.window.id : undefined;
  const windowSeen = scrolled(windows.length, windowRoom, chosenWindow === undefined ? 0 : at);
  const laneSeen = scrolled(lanes.length, given.lanes - 2, item?.kind === 'lane' ? at - windows.length : 0);
  const columns = laneColumns(width, moment);
  const widths = widthsOf(columns, lanes);
  return boxed(
    [
      ...head,
      ...boxed(
        [
          title(`Windows ${seenText(windows.length, windowSeen)}`, [], width),
          ...windowLines(windows.slice(windowSeen.from, windowSeen.to), width, moment, chosenWindow),
        ],
        given.windows,
      ),
      ...boxed(
        [
          title(`Lanes ${seenText(lanes.length, laneSeen)}`, [], width),
          [span('  '), ...headLine(columns, widths, 2)],
          ...lanes.slice(laneSeen.from, laneSeen.to).map((lane): Line => {
            const line = [span(lane === laneOf(item) ? '▸ ' : '  '), ...rowLine(columns, widths, 2, lane)];
            return lane === laneOf(item) ? chosen(filled(line, width)) : line;
          }),
          ...(lanes.length > 0 ? [] : [[span('  '), dim('No lane is in use: nothing has left from here yet.')]]),
        ],
        given.lanes,
      ),
      ...boxed(why, given.why),
      ...boxed(
        [
          [...title('Events', [], width)],
          ...(feed.length > 0 ? feedLines(feed, given.feed - 1, moment) : [[span('  '), dim('Nothing has happened here yet.')]]),
        ],
        given.feed,
      ),
    ],
    height,
  );
}

const laneOf = (item: Item | undefined): LaneView | undefined => (item?.kind === 'lane' ? item.lane : undefined);
