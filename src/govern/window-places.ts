/**
 * The windows there are, by id and by place. Knows neither rules nor time; a window put again under its id takes the place of
 * the old one.
 */
import type { WindowState } from '../kernel/governor.js';
import type { WindowPlace } from './window.js';

export function placeKey(place: WindowPlace): string {
  return `${place.scope}:${place.address ?? ''}/${place.provider ?? ''}/${place.subject ?? ''}`;
}

const NONE: readonly WindowState[] = [];

export class WindowPlaces {
  readonly #all = new Map<string, WindowState>();
  readonly #byPlace = new Map<string, readonly WindowState[]>();
  /** Windows on the mail of one sender or recipient domain. */
  subjects = 0;

  all(): Iterable<WindowState> {
    return this.#all.values();
  }

  get(id: string): WindowState | undefined {
    return this.#all.get(id);
  }

  at(place: WindowPlace): readonly WindowState[] {
    return this.#byPlace.get(placeKey(place)) ?? NONE;
  }

  put(window: WindowState): void {
    const old = this.#all.get(window.id);
    if (old) this.drop(old);
    this.#all.set(window.id, window);
    this.#byPlace.set(placeKey(window), [...this.at(window), window]);
    if (window.subject !== undefined) this.subjects++;
  }

  drop(window: WindowState): void {
    this.#all.delete(window.id);
    const left = this.at(window).filter(w => w.id !== window.id);
    if (left.length > 0) this.#byPlace.set(placeKey(window), left);
    else this.#byPlace.delete(placeKey(window));
    if (window.subject !== undefined) this.subjects--;
  }
}
