/**
 * A pool for every source, under the source's own name, so that a message can be bound to one address (`X-Virtual-MTA: cold-1`)
 * and still goes the way all mail goes: queue, lane, verdict.
 *
 * A pool that was written down keeps its name. Nobody's mail comes into such a pool unless a message names it.
 */
import type { Pool, Source } from '../kernel/settings.js';

/** The pools that were written down first, in their order. */
export function withSourcePools(pools: ReadonlyMap<string, Pool>, sources: ReadonlyMap<string, Source>): ReadonlyMap<string, Pool> {
  const all = new Map(pools);
  for (const { name, from } of sources.values()) {
    if (all.has(name)) continue;
    // Nothing to wait for and nobody to prefer: there is one source.
    all.set(name, { name, sources: [{ source: name, weight: 1 }], coldWait: 0, stickyFor: 0, warmUp: 'allow', implicit: true, from });
  }
  return all;
}
