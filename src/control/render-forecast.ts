/**
 * What `rampd forecast` prints: one sentence, a line for every day, and what stands in the way. Pure.
 */
import { forecastSentence } from './forecast-view.js';
import { page, table, timeText, whenText, wrap, type Column, type Screen } from './page.js';
import { numberText } from './reason-text.js';
import type { ForecastView } from './view.js';

type Day = ForecastView['days'][number];

/** Days shown; JSON has them all. */
const MOST = 60;
/** Sources with a column of their own. */
const COLUMNS = 8;

export function renderForecast(forecast: ForecastView, screen: Screen): string {
  const notes = notesOf(forecast, screen);
  const days = forecast.days.slice(0, MOST);
  const more = forecast.days.length - days.length;
  return page([
    ...wrap(summary(forecast, screen), screen.width),
    ...(days.length > 0 ? ['', ...table(columns(forecast, screen), days, screen.width)] : []),
    ...(more > 0 ? [`and ${numberText(more)} more days`] : []),
    ...(notes.length > 0 ? ['', ...notes.flatMap(note => wrap(note, screen.width))] : []),
  ]);
}

function summary({ pool, waiting, leaves, expires, done }: ForecastView, screen: Screen): string {
  if (waiting === 0) return `nothing waits in pool ${pool}`;
  const end = done === null ? 'no end of it can be foretold' : `done ${whenText(done, screen)}`;
  const lost = expires === 0 ? 'nothing expires' : `${numberText(expires)} expire before they can leave`;
  return `pool ${pool}: ${numberText(waiting)} wait, ${numberText(leaves)} will leave, ${lost}; ${end}`;
}

function columns({ days }: ForecastView, screen: Screen): Column<Day>[] {
  const names = (days[0]?.sources ?? []).slice(0, COLUMNS).map(s => s.name);
  return [
    { head: 'FROM', cell: day => timeText(day.from, screen) },
    { head: 'LEAVE', cell: day => numberText(day.leaves), right: true },
    { head: 'EXPIRE', cell: day => numberText(day.expires), right: true },
    { head: 'WAITING', cell: day => numberText(day.waiting), right: true },
    ...names.map((name, i): Column<Day> => ({
      head: name.toUpperCase(),
      cell: day => {
        const source = day.sources[i];
        if (!source) return '';
        const stage = source.stage === null ? '' : `stage ${source.stage}: `;
        return `${stage}${numberText(source.leaves)}${source.allows === null ? '' : `/${numberText(source.allows)}`}`;
      },
      right: true,
      drop: names.length - i,
    })),
  ];
}

function notesOf(forecast: ForecastView, screen: Screen): string[] {
  const { pool, onlyCold, held, shared, stopped, unearned } = forecast;
  const sentence = onlyCold ? forecastSentence(pool, forecast) : undefined;
  return [
    ...(sentence === undefined ? [] : [sentence]),
    ...unearned.map(({ source, provider, stage, stages, at, needs, sends }) => {
      const name = provider === undefined ? source : `${provider} on ${source}`;
      return `${name}: what waits cannot earn stage ${stage}/${stages} by ${timeText(at, screen)}: it needs ${numberText(needs)} recipients, ${numberText(sends)} would have been sent`;
    }),
    ...stopped.map(text => `nothing leaves through ${text}`),
    ...(held > 0 ? [`${numberText(held)} more wait in queues that are paused or cannot be delivered; they are not reckoned with`] : []),
    ...shared.map(
      other => `the mail of pool ${other.pool} (${numberText(other.waiting)} waiting) uses the same sources; it is not reckoned with`,
    ),
  ];
}
