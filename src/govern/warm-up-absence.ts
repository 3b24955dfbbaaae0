/**
 * Times at which a source could not send through no fault of its mail: the daemon was down, or a person had paused it.
 *
 * Spans may overlap and come in any order; the time between two instants counts each moment once. Kept in memory only: after a
 * restart a day looks longer than it was, which makes it harder to earn, never easier.
 */
import type { Instant, Ms } from '../kernel/units.js';

interface Span {
  readonly from: Instant;
  readonly to: Instant;
}

export class Absence {
  readonly #all: Span[] = [];
  readonly #of = new Map<string, Span[]>();

  /** `address` undefined: everybody. */
  note(address: string | undefined, from: Instant, to: Instant): void {
    if (!(to > from)) return;
    if (address === undefined) merge(this.#all, { from, to });
    else {
      let spans = this.#of.get(address);
      if (!spans) this.#of.set(address, (spans = []));
      merge(spans, { from, to });
    }
  }

  within(address: string, from: Instant, to: Instant): Ms {
    const spans: Span[] = [];
    for (const span of [...this.#all, ...(this.#of.get(address) ?? [])]) merge(spans, span);
    return spans.reduce((sum, span) => sum + Math.max(0, Math.min(to, span.to) - Math.max(from, span.from)), 0);
  }

  /** Spans of an address that ended by `before` serve nothing any more. */
  forget(address: string, before: Instant): void {
    const spans = this.#of.get(address)?.filter(span => span.to > before);
    if (spans) this.#of.set(address, spans);
    // What everybody shares is kept for the slowest schedule: a few spans a month.
    if (this.#all.length > 64) this.#all.splice(0, this.#all.length - 64);
  }
}

/** Adds a span to a sorted list of disjoint ones. */
function merge(spans: Span[], span: Span): void {
  let { from, to } = span;
  const apart = spans.filter(other => {
    if (other.to < from || other.from > to) return true;
    from = Math.min(from, other.from);
    to = Math.max(to, other.to);
    return false;
  });
  apart.push({ from, to });
  apart.sort((a, b) => a.from - b.from);
  spans.splice(0, spans.length, ...apart);
}
