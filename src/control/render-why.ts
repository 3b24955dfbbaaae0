/**
 * What `rampd why` prints: the answer in one sentence, then per lane the binding reason first, the reply behind it, its
 * end, and what would be without it.
 *
 * Pure. Says only what the verdict says: a lane that goes has no reasons to give. Windows in force that bind nothing just now
 * stand behind the reasons, because they will.
 */
import { page, whenText, wrap, type Screen } from './page.js';
import { reasonText } from './reason-text.js';
import { ends, messageLines, renderSources, windowLimits } from './render.js';
import type { ReasonView, WhyView, WindowView } from './view.js';

export function renderWhy(why: WhyView, screen: Screen): string {
  return (
    page([
      ...wrap(why.summary, screen.width),
      ...(why.source?.cannotEarn ? wrap(`${why.source.name}: ${why.source.cannotEarn}`, screen.width) : []),
      ...(why.message ? ['', ...messageLines(why.message, screen)] : []),
      ...why.lanes.flatMap(lane => ['', ...laneLines(lane, screen)]),
    ]) + (why.source ? `\n${renderSources([{ ...why.source, because: [] }], screen)}` : '')
  );
}

function laneLines({ lane, verdict, without, windows = [] }: WhyView['lanes'][number], screen: Screen): string[] {
  const quiet = windows.filter(w => verdict.go || !verdict.because.some(reason => reason.window === w.id));
  const besides = quiet.flatMap(w => windowLines(w, screen));
  if (verdict.go) return [`${lane} goes now`, ...besides];
  const head =
    verdict.until === null ? `${lane} waits until a person or an event ends it` : `${lane} waits until ${whenText(verdict.until, screen)}`;
  return [
    head,
    ...verdict.because.flatMap((reason, i) => reasonLines(reason, i + 1, screen)),
    ...(verdict.because.length > 0 && without !== null
      ? wrap(`without the first it would leave at ${whenText(without, screen)}`, screen.width, 2)
      : []),
    ...besides,
  ];
}

function windowLines(window: WindowView, screen: Screen): string[] {
  const open = Date.parse(window.until) > screen.now;
  const course = open ? `is open: ${windowLimits(window)}` : 'is over, limits are returning to normal';
  return [
    ...wrap(`window ${window.id} ${course} (${window.from})${ends(open ? window.until : window.recoverUntil, screen)}`, screen.width, 2),
    ...wrap(`“${window.reply}”`, screen.width, 5),
  ];
}

function reasonLines(reason: ReasonView, place: number, screen: Screen): string[] {
  const [first = '', ...more] = wrap(`${reasonText(reason)}${ends(reason.until, screen)}`, screen.width, 5);
  return [
    `${String(place).padStart(3)}. ${first.trimStart()}`,
    ...more,
    ...(reason.reply === undefined ? [] : wrap(`“${reason.reply}”`, screen.width, 5)),
  ];
}
