/**
 * A forecast as a view, and in one sentence. Pure.
 */
import type { Forecast } from '../kernel/forecast.js';
import { printable } from '../kernel/text.js';
import { finiteOrNull } from '../kernel/units.js';
import { numberText } from './reason-text.js';
import type { ForecastView } from './view.js';
import type { Iso } from './views.js';

export function forecastView(
  pool: string,
  forecast: Forecast,
  more: Pick<ForecastView, 'held' | 'onlyCold' | 'shared'>,
  iso: Iso,
): ForecastView {
  return {
    pool,
    onlyCold: more.onlyCold,
    waiting: forecast.waiting,
    held: more.held,
    leaves: forecast.leaves,
    expires: forecast.expires,
    done: forecast.done === null ? null : iso(forecast.done),
    days: forecast.days.map(day => ({
      from: iso(day.from),
      until: iso(day.until),
      leaves: day.leaves,
      expires: day.expires,
      waiting: day.waiting,
      sources: day.sources.map(({ name, stage, leaves, allows }) => ({ name, stage: stage ?? null, leaves, allows: finiteOrNull(allows) })),
    })),
    unearned: forecast.unearned.map(({ at, provider, ...rest }) => ({
      ...rest,
      ...(provider === undefined ? {} : { provider: printable(provider) }),
      at: iso(at),
    })),
    stopped: forecast.stopped.map(text => printable(text)),
    shared: more.shared,
  };
}

/** For lists: undefined when nothing expires. */
export function forecastSentence(pool: string, { waiting, expires }: Pick<Forecast, 'waiting' | 'expires'>): string | undefined {
  if (expires === 0) return undefined;
  const some = expires === waiting ? `all ${numberText(waiting)}` : `about ${numberText(expires)} of ${numberText(waiting)}`;
  return `pool ${pool} has only warming sources: ${some} that wait will expire before they can leave`;
}
