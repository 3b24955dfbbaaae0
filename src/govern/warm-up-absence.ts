/**
 * Times at which nothing could leave through no fault of the mail: the daemon was down, or a person had paused a source, a
 * provider, or one lane.
 *
 * Spans may overlap and come in any order; the time between two instants counts each moment once. They are part of the state:
 * a restart forgets none. Spans older than any day that is still to be judged go.
 */
import type { Instant, Ms } from '../kernel/units.js';
import { DAY } from '../kernel/units.js';

export interface Span {
  readonly from: Instant;
  readonly to: Instant;
}

/** State keys: `away:all`, `away:<address>`, `away:<address>/<provider>`, `away:all/<provider>`. */
export const AWAY_KEY = 'away:';
/** Longer than anybody leaves a daemon down and wants its missed days judged. */
const KEPT: Ms = 40 * DAY;
const MOST = 64;

export class Absence {
  readonly #spans = new Map<string, readonly Span[]>();

  /** `address` undefined: everybody; `provider` undefined: all lanes. Returns the key of the state this assigns. */
  note(address: string | undefined, provider: string | undefined, from: Instant, to: Instant): Record<string, readonly Span[]> {
    if (!(to > from)) return {};
    const key = keyOf(address, provider);
    const young = (this.#spans.get(key) ?? []).filter(span => span.to > to - KEPT);
    const spans = merged([...young, { from, to }]).slice(-MOST);
    this.#spans.set(key, spans);
    return { [key]: spans };
  }

  /** Time in [from, to) at which a source, or a provider's lane of it, could not send; it cannot since `still` either. */
  within(address: string, provider: string | undefined, from: Instant, to: Instant, still: Instant = Infinity): Ms {
    const keys = [keyOf(undefined, undefined), keyOf(address, undefined)];
    if (provider !== undefined) keys.push(keyOf(address, provider), keyOf(undefined, provider));
    const all = keys.flatMap(key => this.#spans.get(key) ?? []);
    if (still < to) all.push({ from: still, to });
    return merged(all).reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0);
  }

  snapshot(): Record<string, readonly Span[]> {
    return Object.fromEntries(this.#spans);
  }

  restore(key: string, spans: readonly Span[] | null): void {
    if (spans === null) this.#spans.delete(key);
    else this.#spans.set(key, spans);
  }
}

const keyOf = (address: string | undefined, provider: string | undefined): string =>
  `${AWAY_KEY}${address ?? 'all'}${provider === undefined ? '' : `/${provider}`}`;

/** Disjoint spans, sorted. */
function merged(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.from - b.from);
  const result: Span[] = [];
  for (const span of sorted) {
    const last = result.at(-1);
    if (last && span.from <= last.to) result[result.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else result.push(span);
  }
  return result;
}
