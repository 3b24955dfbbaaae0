/**
 * Complaints of the last seven days, per address and provider. Kept in memory; who hands them in keeps them over a restart.
 */
import { DAY } from '../kernel/units.js';
import type { Instant, Ms } from '../kernel/units.js';

export const COMPLAINT_WINDOW: Ms = 7 * DAY;

export class Complaints {
  readonly #lanes = new Map<string, Instant[]>();

  note(address: string, provider: string, now: Instant): void {
    const key = `${address}/${provider}`;
    const recent = this.#lanes.get(key) ?? [];
    // Oldest first: what is too old is a run at the front, cut when it is worth it.
    const young = recent.findIndex(at => at > now - COMPLAINT_WINDOW);
    if (young < 0) recent.length = 0;
    else if (young > recent.length / 2) recent.splice(0, young);
    recent.push(now);
    this.#lanes.set(key, recent);
  }

  /** Complaints in the seven days before `now`. */
  of(address: string, provider: string, now: Instant): number {
    const all = this.#lanes.get(`${address}/${provider}`);
    return all ? all.filter(at => at > now - COMPLAINT_WINDOW && at <= now).length : 0;
  }

  ofAddress(address: string, now: Instant): number {
    let n = 0;
    for (const [key, all] of this.#lanes)
      if (key.startsWith(`${address}/`)) n += all.filter(at => at > now - COMPLAINT_WINDOW && at <= now).length;
    return n;
  }

  get empty(): boolean {
    return this.#lanes.size === 0;
  }
}
