/**
 * What `rampd why` prints: the answer in one sentence, then per lane the binding reason first, the reply behind it, its
 * end, and what would be without it.
 *
 * Pure. Says only what the verdict says: a lane that goes has no reasons to give. Windows in force that bind nothing just now
 * stand behind the reasons, because they will.
 */
import { page, whenText, wrap, type Screen } from './page.js';
import { counted, numberText, reasonText, sndsText, waitingText } from './reason-text.js';
import { ends, messageLines, renderSources, windowLimits } from './render.js';
import type { HostTroubleView, WhyView } from './why-view.js';
import type { ReasonView, WindowView } from './view.js';

export function renderWhy(why: WhyView, screen: Screen): string {
  return (
    page([
      ...wrap(why.summary, screen.width),
      ...(why.source?.cannotEarn ? wrap(`${why.source.name}: ${why.source.cannotEarn}`, screen.width) : []),
      ...(why.source ? reportLines(why.source, screen) : []),
      ...(why.message ? ['', ...messageLines(why.message, screen)] : []),
      ...(why.ahead ? wrap(`${numberText(why.ahead)} of its queue are due before it`, screen.width, 2) : []),
      ...(why.forecast ?? []).flatMap(text => wrap(text, screen.width, 2)),
      ...(why.holds ?? []).flatMap(hold => ['', ...waitLines(hold, screen)]),
      ...why.lanes.flatMap(lane => afterSummary(laneLines(lane, screen), why.summary)),
    ]) + (why.source ? `\n${renderSources([{ ...why.source, because: [] }], screen)}` : '')
  );
}

/** A lane that goes says nothing twice. */
function afterSummary(lines: readonly string[], summary: string): readonly string[] {
  return lines.length === 1 && lines[0] === summary ? [] : ['', ...lines];
}

/** What others said of a source's mail. */
function reportLines({ name, complaints, snds }: NonNullable<WhyView['source']>, screen: Screen): string[] {
  return [
    ...(complaints > 0 ? [`${name}: ${counted(complaints, 'complaint')} in the last seven days`] : []),
    ...(snds ? [`${name}: ${sndsText(snds)}`] : []),
  ].flatMap(text => wrap(text, screen.width));
}

function laneLines({ lane, verdict, without, windows = [], hosts = [], waiting = 0 }: WhyView['lanes'][number], screen: Screen): string[] {
  const quiet = windows.filter(w => verdict.go || !verdict.because.some(reason => reason.window === w.id));
  const besides = [...quiet.flatMap(w => windowLines(w, screen)), ...hosts.flatMap(h => hostLines(h, screen))];
  if (verdict.go) return [`${lane} goes now`, ...(waiting > 0 ? wrap(waitingText(waiting), screen.width, 2) : []), ...besides];
  return [...waitLines({ what: lane, ...verdict, without }, screen), ...besides];
}

type Hold = NonNullable<WhyView['holds']>[number];

function waitLines({ what, until, because, without }: Hold, screen: Screen): string[] {
  const head = until === null ? `${what} waits until a person or an event ends it` : `${what} waits until ${whenText(until, screen)}`;
  const otherwise =
    without !== null
      ? `without the first it would leave ${Date.parse(without) - screen.now < 1_000 ? 'now' : `at ${whenText(without, screen)}`}`
      : `without the first it would wait for ${because.length > 1 ? 'the second' : 'a lane'} all the same`;
  return [
    ...wrap(head, screen.width),
    ...because.flatMap((reason, i) => reasonLines(reason, i + 1, screen)),
    ...(because.length > 1 || (because.length === 1 && without !== null) ? wrap(otherwise, screen.width, 2) : []),
  ];
}

/** `“421 RP-001” to message 00-000000001f, 13:03 (48m ago)` */
function quoteLines({ reply, replied, message }: Pick<ReasonView, 'reply' | 'replied' | 'message'>, screen: Screen): string[] {
  if (reply === undefined) return [];
  const origin = [
    ...(message === undefined ? [] : [`to message ${message}`]),
    ...(replied === undefined ? [] : [whenText(replied, screen)]),
  ];
  return wrap([`“${reply}”`, origin.join(', ')].join(' ').trimEnd(), screen.width, 5);
}

function windowLines(window: WindowView, screen: Screen): string[] {
  const open = Date.parse(window.until) > screen.now;
  const course = open ? `is open: ${windowLimits(window)}` : 'is over, limits are returning to normal';
  return [
    ...wrap(`window ${window.id} ${course} (${window.from})${ends(open ? window.until : window.recoverUntil, screen)}`, screen.width, 2),
    ...quoteLines(window, screen),
  ];
}

function hostLines({ host, address, kind, until, why }: HostTroubleView, screen: Screen): string[] {
  const what = kind === 'unreachable' ? 'is tried after the others' : 'has broken TLS, mail goes there in the clear';
  return wrap(`${host}[${address}] ${what} until ${whenText(until, screen)}: ${why}`, screen.width, 2);
}

function reasonLines(reason: ReasonView, place: number, screen: Screen): string[] {
  const [first = '', ...more] = wrap(`${reasonText(reason)}${ends(reason.until, screen)}`, screen.width, 5);
  return [`${String(place).padStart(3)}. ${first.trimStart()}`, ...more, ...quoteLines(reason, screen)];
}
