/**
 * What a reload cannot change: it needs a restart, and is refused with the place that says otherwise.
 */
import type { Fault } from '../kernel/fault.js';
import { FIXED_KEYS, type FixedKey, type Settings } from '../kernel/settings.js';

export function unchangeable(before: Settings, after: Settings): Fault | undefined {
  const old = valuesOf(before);
  const now = valuesOf(after);
  for (const key of FIXED_KEYS) {
    if (old[key] === now[key]) continue;
    return {
      code: 'needs-restart',
      place: after.fixedFrom?.[key] ?? { file: after.file, line: 0, col: 0 },
      what: `${key} cannot change while rampd runs (${old[key] ?? 'absent'} is in force)`,
      hint: `put it back, or stop and start rampd`,
    };
  }
  return undefined;
}

const valuesOf = ({ stateDir, node, user, control, log, dns }: Settings): Record<FixedKey, string | number | undefined> => ({
  'state-dir': stateDir,
  node,
  user,
  'control.socket': control.socket,
  'log.level': log.level,
  'log.file': log.file,
  'dns.servers': dns.servers.join(' '),
  'dns.dnssec': String(dns.dnssec ?? false),
});
