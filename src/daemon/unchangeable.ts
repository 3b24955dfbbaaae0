/**
 * What a reload cannot change: it needs a restart, and is refused with the place that says otherwise.
 */
import type { Fault } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';

export function unchangeable(before: Settings, after: Settings): Fault | undefined {
  const fixed = [
    ['state-dir', before.stateDir, after.stateDir],
    ['node', before.node, after.node],
    ['user', before.user, after.user],
    ['control.socket', before.control.socket, after.control.socket],
    ['log', JSON.stringify(before.log), JSON.stringify(after.log)],
    ['dns.servers', before.dns.servers.join(' '), after.dns.servers.join(' ')],
    ['dns.dnssec', String(before.dns.dnssec ?? false), String(after.dns.dnssec ?? false)],
  ] as const;
  for (const [key, old, now] of fixed) {
    if (old === now) continue;
    return {
      code: 'needs-restart',
      place: { file: after.file, line: 0, col: 0 },
      what: `${key} cannot change while rampd runs (${old ?? 'absent'} is in force)`,
      hint: `put it back, or stop and start rampd`,
    };
  }
  return undefined;
}
