/**
 * Warnings about the configuration as a whole: what is allowed and probably not meant. Never faults; pure.
 */
import { LISTENER_IDLE, type Settings, type Source } from '../kernel/settings.js';
import { printDuration } from '../kernel/units.js';
import type { Findings } from './findings.js';
import { lintDkim } from './dkim.js';
import { lintClaims } from './lint-claims.js';
import { lintRules } from './lint-rules.js';
import { lintSchedule } from './lint-schedule.js';
import type { YamlText } from './yaml-text.js';

export function lintSettings(settings: Settings, yaml: YamlText, findings: Findings): void {
  lintMailIn(settings, yaml, findings);
  lintSources(settings, yaml, findings);
  lintDkim(settings, yaml, findings);
  lintClaims([...settings.providers.values()], findings);
  lintRules(settings, findings);
  for (const schedule of settings.schedules.values()) lintSchedule(schedule, findings);
  lintComplaints(settings, findings);
}

function lintMailIn(settings: Settings, yaml: YamlText, findings: Findings): void {
  if (settings.listeners.length === 0)
    findings.warn(yaml.key(['listeners']), { code: 'no-listeners', what: 'there are no listeners: no mail can come in' });
  if (settings.clients.length === 0)
    findings.warn(yaml.key(['clients']), { code: 'no-clients', what: 'there are no clients: nobody may hand in mail' });
  for (const client of settings.clients)
    if (client.from.some(range => range.endsWith('/0')))
      findings.warn(client.place, { code: 'open-relay', what: 'this client is the whole internet: anybody may send through this server' });
  for (const listener of settings.listeners)
    if ((listener.idleTimeout ?? LISTENER_IDLE) < LISTENER_IDLE)
      findings.warn(listener.from, {
        code: 'short-idle-timeout',
        what: `clients that say nothing for ${printDuration(listener.idleTimeout ?? 0)} are cut off`,
        hint: 'RFC 5321 §4.5.3.2.7 gives them at least 5m',
      });
  if (!settings.hostName.includes('.'))
    findings.warn(yaml.place(['host-name']), {
      code: 'short-name',
      what: `host-name ${settings.hostName} has no domain`,
      hint: 'receivers want the full name that the address resolves to',
    });
}

function lintSources(settings: Settings, yaml: YamlText, findings: Findings): void {
  const pools = [...settings.pools.values()];
  for (const source of settings.sources.values()) {
    if (!pools.some(pool => pool.sources.some(entry => entry.source === source.name && entry.weight > 0)))
      findings.warn(source.from, { code: 'unused-source', what: `source ${source.name} takes mail from no pool` });
    lintTarget(source, settings, yaml, findings);
  }
  for (const pool of pools) {
    const members = pool.sources.flatMap(({ source, weight }) => (weight > 0 ? (settings.sources.get(source) ?? []) : []));
    if (members.length > 0 && members.every(source => source.warmUp))
      findings.warn(pool.from, {
        code: 'no-warm-source',
        what: `pool ${pool.name} has warming sources only: mail beyond their stages waits`,
        hint: 'mail that waits longer than bounce-after is returned',
      });
  }
}

function lintTarget(source: Source, settings: Settings, yaml: YamlText, findings: Findings): void {
  const { target, schedule: name = '' } = source.warmUp ?? {};
  const stages = settings.schedules.get(name)?.stages;
  const first = stages?.[0]?.limits.maxMsgPerHour?.value;
  const last = stages?.at(-1)?.limits.maxMsgPerHour?.value;
  if (target === undefined || first === undefined || last === undefined) return;
  const place = yaml.place(['sources', source.name, 'warm-up', 'target']);
  if (target < first)
    findings.warn(place, {
      code: 'low-target',
      what: `target ${target}/h is below the first stage of ${name}, ${first}/h: there is no ramp`,
    });
  if (target > last && Number.isFinite(target))
    findings.warn(place, {
      code: 'high-target',
      what: `target ${target}/h is above the last stage of ${name}: its ramp ends at ${last}/h`,
    });
}

/** A complaint gate with nobody to report complaints never trips. */
function lintComplaints(settings: Settings, findings: Findings): void {
  const reported = [...settings.providers.values()].some(provider => provider.feedback);
  if (reported && (settings.feedback?.fbl.length ?? 0) > 0) return;
  for (const { warmUp } of settings.sources.values()) {
    const gates = settings.schedules.get(warmUp?.schedule ?? '')?.gates;
    const gate = gates && [...gates.hold, ...gates.stepBack, ...gates.advance].find(({ metric }) => metric === 'complaint-rate');
    if (!gate || !warmUp) continue;
    findings.warn(warmUp.from, {
      code: 'inert-gate',
      what: `the gate "${gate.text}" of ${warmUp.schedule} is inert: ${reported ? 'no address takes complaint reports' : 'no provider reports complaints'}`,
      hint: reported
        ? 'say feedback: { fbl: [fbl@example.com], bounce-domains: […] } and give providers that address'
        : 'say feedback: arf under providers: for those that send you reports',
    });
    return;
  }
}
