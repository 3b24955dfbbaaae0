/**
 * Complaints of the last seven days, per address and provider. Kept in memory: a restart forgets them, and the complaint rate
 * reads too low for up to seven days after it.
 */
import { DAY } from '../kernel/units.js';
import type { Instant, Ms } from '../kernel/units.js';

export const COMPLAINT_WINDOW: Ms = 7 * DAY;

export class Complaints {
  readonly #lanes = new Map<string, Instant[]>();

  note(address: string, provider: string, now: Instant): void {
    const key = `${address}/${provider}`;
    const recent = (this.#lanes.get(key) ?? []).filter(at => at > now - COMPLAINT_WINDOW);
    recent.push(now);
    this.#lanes.set(key, recent);
  }

  /** Complaints in the seven days before `now`. */
  of(address: string, provider: string, now: Instant): number {
    const all = this.#lanes.get(`${address}/${provider}`);
    return all ? all.filter(at => at > now - COMPLAINT_WINDOW && at <= now).length : 0;
  }

  get empty(): boolean {
    return this.#lanes.size === 0;
  }
}
