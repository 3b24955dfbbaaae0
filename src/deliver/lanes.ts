/**
 * The lanes there are: one for each source of a pool and each provider its mail goes to, made when a group opens, gone when
 * nothing is left of them.
 */
import type { Settings } from '../kernel/settings.js';
import type { Instant } from '../kernel/units.js';
import type { KnownLane, LaneName } from '../kernel/verdict.js';
import { familyOf } from '../route/families.js';
import { Lane } from './lane.js';
import { preferredFamily, reaches } from './reach.js';
import type { Group } from './waiting.js';

/** What the governor finds a lane by, fastest. */
type Known = (lane: LaneName) => LaneName | KnownLane;

export class Lanes {
  readonly all = new Map<string, Lane>();
  readonly #groupsOf = new Map<string, Set<Group>>();
  readonly #settings: () => Settings;
  readonly #known: Known;

  constructor(settings: () => Settings, known: Known) {
    this.#settings = settings;
    this.#known = known;
  }

  groupsOf(source: string): Iterable<Group> {
    return this.#groupsOf.get(source) ?? [];
  }

  get(source: string, provider: string): Lane | undefined {
    return this.all.get(`${source}/${provider}`);
  }

  /** Lanes of a source, of a provider, of both, or all. */
  *matching(source?: string, provider?: string): Iterable<Lane> {
    for (const lane of this.all.values()) {
      if ((source === undefined || lane.name.source === source) && (provider === undefined || lane.name.provider === provider)) yield lane;
    }
  }

  /** Gives a group the lanes of its pool's sources that reach its hosts, those of the family it prefers first. */
  join(group: Group): void {
    const settings = this.#settings();
    const pool = settings.pools.get(group.pool);
    group.prefers = preferredFamily(group.provider, settings);
    group.lanes = (pool?.sources ?? [])
      .flatMap(s => settings.sources.get(s.source) ?? [])
      .filter(source => reaches(source, group, settings))
      .map(({ name: source, address }) => {
        const key = `${source}/${group.provider}`;
        let lane = this.all.get(key);
        if (!lane) {
          const laneName = { source, provider: group.provider };
          this.all.set(key, (lane = new Lane(laneName, this.#known(laneName))));
        }
        lane.family = familyOf(address);
        lane.groups.add(group);
        let groups = this.#groupsOf.get(source);
        if (!groups) this.#groupsOf.set(source, (groups = new Set()));
        groups.add(group);
        return lane;
      })
      .sort((a, b) => Number(b.family === group.prefers) - Number(a.family === group.prefers));
  }

  /** Takes leave of groups that are gone, and of lanes that are left with nothing, now or since; returns those lanes. */
  prune(gone: readonly Group[], now: Instant): Lane[] {
    for (const group of gone) {
      for (const lane of group.lanes) {
        lane.groups.delete(group);
        this.#groupsOf.get(lane.source)?.delete(group);
      }
    }
    const idle: Lane[] = [];
    for (const lane of this.all.values()) {
      if (lane.groups.size > 0 || lane.sessions.size > 0 || lane.opening.size > 0 || lane.nextAsk(now) !== Infinity) continue;
      this.all.delete(lane.key);
      idle.push(lane);
    }
    return idle;
  }

  /** After a reload: every group's lanes anew; lanes of removed sources finish what they carry. */
  rejoin(groups: Iterable<Group>): void {
    for (const lane of this.all.values()) lane.groups.clear();
    this.#groupsOf.clear();
    for (const group of groups) this.join(group);
    for (const [key, lane] of this.all) {
      lane.retired = !this.#settings().sources.has(lane.source);
      if (lane.groups.size > 0) continue;
      for (const session of [...lane.sessions]) if (session.state === 'idle') session.quit();
      if (lane.sessions.size === 0 && lane.opening.size === 0) this.all.delete(key);
    }
  }
}
