/**
 * What people do: pause, resume. Every act is journalled before lanes hear of it.
 *
 * Resuming a source also releases it from a suspension by warm-up that waits for a person.
 */
import type { Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import { placeOf, stopsLanes, type Target } from './pause.js';

export function pause(core: Core, target: Target, author: string, why: string | undefined, now: Instant): void {
  const { source } = stopsLanes(target) ? placeOf(target) : {};
  const address = source === undefined ? undefined : core.floor.source(source)?.address;
  if (core.pauses.pause(target, author, why, now, address)) tell(core, target);
}

/** False when there was nothing to resume. */
export function resume(core: Core, target: Target, author: string, now: Instant): boolean {
  const since = core.pauses.since(target);
  const { source: named, provider } = placeOf(target);
  const away = since === undefined || !stopsLanes(target) ? {} : core.ramp.noteAway(named, since, now, provider);
  core.pauses.resume(target, author, now, away);
  const source = target.kind === 'source' ? core.floor.source(target.name)?.name : undefined;
  const released = source !== undefined && release(core, source, author, now);
  if (since === undefined) return released;
  tell(core, target);
  return true;
}

function release(core: Core, source: string, author: string, now: Instant): boolean {
  if (core.ramp.sourceCaps(source)?.suspended?.until !== null) return false;
  core.ramp.verb('release', source, {}, author, undefined, now);
  return true;
}

/** Lanes whose limits the act changed. */
function tell(core: Core, target: Target): void {
  const { source, provider } = placeOf(target);
  if (stopsLanes(target)) core.limitsChanged(source, provider);
}
