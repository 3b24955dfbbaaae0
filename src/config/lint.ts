/**
 * Warnings: what is allowed and probably not meant. Never faults; pure.
 */
import type { Settings } from '../kernel/settings.js';
import type { Findings } from './findings.js';
import type { YamlText } from './yaml-text.js';

export function lintSettings(settings: Settings, yaml: YamlText, findings: Findings): void {
  if (settings.listeners.length === 0)
    findings.warn(yaml.key(['listeners']), { code: 'no-listeners', what: 'there are no listeners: no mail can come in' });
}
