/**
 * Forecasts of pools, from what waits in their queues: counts by provider, and ages guessed from the first rows of each queue.
 *
 * Looks into a bounded number of queues, the fullest, and takes the others to be like them. Mail in queues that a person has
 * paused, or that have no route, is told apart and not reckoned with. Sentences for lists are kept for a minute.
 */
import type { ForecastView } from '../control/view.js';
import { forecastSentence, forecastView } from '../control/forecast-view.js';
import type { Iso } from '../control/views.js';
import { Refusal } from '../control/operations.js';
import type { Backlog } from '../deliver/backlog.js';
import type { Clock } from '../kernel/clock.js';
import type { Forecast, WaitingMail } from '../kernel/forecast.js';
import type { Governor } from '../kernel/governor.js';
import type { Queue } from '../kernel/queue.js';
import type { Settings } from '../kernel/settings.js';
import { type Instant, MINUTE } from '../kernel/units.js';
import type { Store } from '../spool/store.js';
import { agesOf, type Ages, like } from './ages.js';

/** Queues whose rows are looked at, and how many rows of each. */
const LOOKED_INTO = 500;
const HEADS = 16;
/** Providers told apart; the rest is taken together. */
const PROVIDERS = 50;

export interface ForecastParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly governor: Governor;
  readonly store: Pick<Store, 'queues'>;
  readonly dispatcher: { readonly backlog: Pick<Backlog, 'waiting'> };
}

interface Told {
  readonly at: Instant;
  readonly sentence: string | undefined;
}

export class Forecasts {
  readonly #parts: ForecastParts;
  readonly #told = new Map<string, Told>();

  constructor(parts: ForecastParts) {
    this.#parts = parts;
  }

  /** Throws Refusal when there is no such pool. */
  view(pool: string, iso: Iso): ForecastView {
    const { settings, clock } = this.#parts;
    if (!settings().pools.has(pool)) {
      throw new Refusal(`there is no pool ${pool}; pools are ${[...settings().pools.keys()].join(', ')}`);
    }
    const { forecast, held } = this.#forecast(pool, clock.now());
    return forecastView(pool, forecast, { held, onlyCold: this.#onlyCold(pool), shared: this.#shared(pool) }, iso);
  }

  /** Of a pool without a warm source: how much will expire; undefined when nothing will. At most a minute old. */
  sentence(pool: string): string | undefined {
    const now = this.#parts.clock.now();
    const known = this.#told.get(pool);
    if (known && now - known.at < MINUTE) return known.sentence;
    const sentence = this.#onlyCold(pool) ? forecastSentence(pool, this.#forecast(pool, now).forecast) : undefined;
    this.#told.set(pool, { at: now, sentence });
    return sentence;
  }

  #sources(pool: string): string[] {
    return (this.#parts.settings().pools.get(pool)?.sources ?? []).filter(s => s.weight > 0).map(s => s.source);
  }

  #onlyCold(pool: string): boolean {
    const sources = this.#sources(pool);
    return sources.length > 0 && sources.every(source => !this.#parts.governor.isWarm(source));
  }

  #forecast(pool: string, now: Instant): { forecast: Forecast; held: number } {
    const { mail, held } = this.#mail(pool, now);
    return { forecast: this.#parts.governor.forecast(this.#sources(pool), mail, now), held };
  }

  #mail(pool: string, now: Instant): { mail: WaitingMail[]; held: number } {
    const { store, dispatcher } = this.#parts;
    let held = 0;
    const queues: Queue[] = [];
    for (const queue of store.queues()) {
      if (queue.pool !== pool || queue.waiting === 0) continue;
      const place = dispatcher.backlog.waiting.get(queue.id);
      if (place?.place === 'stuck') held += queue.waiting;
      else queues.push(queue);
    }
    queues.sort((a, b) => b.waiting - a.waiting);
    const seen: Ages[] = [];
    const byProvider = new Map<string, { provider: string; warmOnly: boolean; ages: Ages[]; waiting: number; unseen: number }>();
    queues.forEach((queue, i) => {
      const provider = dispatcher.backlog.waiting.get(queue.id)?.provider ?? '';
      const warmOnly = queue.warmUp === 'never';
      const key = `${provider}\n${warmOnly}`;
      const entry = byProvider.get(key) ?? { provider, warmOnly, ages: [], waiting: 0, unseen: 0 };
      byProvider.set(key, entry);
      entry.waiting += queue.waiting;
      if (i >= LOOKED_INTO) return void (entry.unseen += queue.waiting);
      const ages = agesOf(
        queue.peek(HEADS).map(row => row.accepted),
        queue.waiting,
        now,
      );
      entry.ages.push(ages);
      seen.push(ages);
    });
    const profile = seen.flat();
    const whole = [...byProvider.values()]
      .sort((a, b) => b.waiting - a.waiting)
      .map(({ provider, warmOnly, ages, unseen }) => ({ provider, warmOnly, ages: [...ages.flat(), ...like(profile, unseen)] }));
    return { mail: together(whole), held };
  }

  /** Pools whose mail shares sources with this one. */
  #shared(pool: string): { pool: string; waiting: number }[] {
    const { settings, store } = this.#parts;
    const mine = new Set(this.#sources(pool));
    const others = [...settings().pools.values()].filter(p => p.name !== pool && p.sources.some(s => s.weight > 0 && mine.has(s.source)));
    const waiting = new Map(others.map(p => [p.name, 0]));
    for (const queue of store.queues()) {
      const n = waiting.get(queue.pool);
      if (n !== undefined) waiting.set(queue.pool, n + queue.waiting);
    }
    return [...waiting].filter(([, n]) => n > 0).map(([name, n]) => ({ pool: name, waiting: n }));
  }
}

/** The providers with the most mail by themselves, the others as one. */
function together(mail: readonly WaitingMail[]): WaitingMail[] {
  const named = new Set([...new Set(mail.map(m => m.provider))].filter(p => p !== '').slice(0, PROVIDERS));
  const own = mail.filter(m => named.has(m.provider));
  const rest = mail.filter(m => !named.has(m.provider));
  const providers = new Set(rest.map(m => m.provider)).size;
  const merged = [false, true].map(warmOnly => ({
    provider: '',
    warmOnly,
    providers,
    ages: rest.filter(m => m.warmOnly === warmOnly).flatMap(m => m.ages),
  }));
  return [...own, ...merged.filter(m => m.ages.length > 0)];
}
