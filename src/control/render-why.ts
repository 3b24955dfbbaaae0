/**
 * What `rampd why` prints: the answer in one sentence, then per lane the binding reason first, the reply behind it, its
 * end, and what would be without it.
 *
 * Pure. Says only what the verdict says: a lane that goes has no reasons to give.
 */
import { page, whenText, wrap, type Screen } from './page.js';
import { reasonText } from './reason-text.js';
import { ends, messageLines, renderSources } from './render.js';
import type { ReasonView, WhyView } from './view.js';

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

function laneLines({ lane, verdict, without }: WhyView['lanes'][number], screen: Screen): string[] {
  if (verdict.go) return [`${lane} goes now`];
  const head =
    verdict.until === null ? `${lane} waits until a person or an event ends it` : `${lane} waits until ${whenText(verdict.until, screen)}`;
  return [
    head,
    ...verdict.because.flatMap((reason, i) => reasonLines(reason, i + 1, screen)),
    ...(verdict.because.length > 0 && without !== null
      ? wrap(`without the first it would leave at ${whenText(without, screen)}`, screen.width, 2)
      : []),
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
