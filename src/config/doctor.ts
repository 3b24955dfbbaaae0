/**
 * `doctor:` of rampd.yaml: whether the checks of `rampd doctor` are made at the start, which block lists are asked, and which
 * hosts are tried.
 */
import type { Settings } from '../kernel/settings.js';
import type { SettingsText } from './settings.js';
import { either, flag, mapping, oneOf, oneOrMany } from './shape.js';
import { domain, smtpHost } from './words.js';

const SMTP = 25;

export const doctorShape = mapping('doctor', {
  'at-start': flag('make the checks when the daemon starts, and after a reload; their failures are warnings in the log').optional(),
  dnsbl: either('none, or zones of block lists such as zen.spamhaus.org', [
    oneOf('no list is asked', ['none']),
    oneOrMany('a zone such as zen.spamhaus.org', domain),
  ]).optional(),
  probe: oneOrMany('a host such as mx1.example.com or 192.0.2.1:25', smtpHost).optional(),
});

export function readDoctor(text: SettingsText): Pick<Settings, 'doctor'> {
  const value = text.section('doctor');
  if (!value) return {};
  const { dnsbl } = value;
  return {
    doctor: {
      ...(value['at-start'] !== undefined && { atStart: value['at-start'] }),
      ...(dnsbl !== undefined && { dnsbl: dnsbl === 'none' ? [] : [...new Set(dnsbl)] }),
      probe: (value.probe ?? []).map(({ host, port }) => ({ host, port: port ?? SMTP })),
    },
  };
}
