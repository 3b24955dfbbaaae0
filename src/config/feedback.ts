/**
 * `suppression:` and `feedback:` of rampd.yaml: their shapes, and how they are read.
 */
import { SUPPRESSION_CAUSES } from '../kernel/suppression.js';
import type { Settings } from '../kernel/settings.js';
import { DAY } from '../kernel/units.js';
import { hostName } from './address.js';
import type { SettingsText } from './settings.js';
import { mapping, oneOf, oneOrMany, scalar } from './shape.js';
import { domain, durationOrNever, path, positiveDuration, wholeNumber } from './words.js';

/** Lower case: addresses are compared so. */
const address = scalar<string>('bad-address', { type: 'string', description: 'an address such as fbl@example.com' }, text => {
  const [local, host, ...rest] = text.split('@');
  const name = hostName(host ?? '');
  if (rest.length === 0 && /^[^\s<>()"\\,;:]{1,64}$/.test(local ?? '') && name !== undefined)
    return { ok: true, value: `${local ?? ''}@${name}`.toLowerCase() };
  return { ok: false, allowed: 'an address such as fbl@example.com' };
});

const cause = oneOf('what puts an address on the list', SUPPRESSION_CAUSES);

export const suppressionShape = mapping('suppression', {
  on: oneOrMany('a cause', cause).optional(),
  scope: oneOf('global: for all senders; sender-domain: for the domain that mailed it', ['global', 'sender-domain']).optional(),
  at: oneOf('refuse: at RCPT; report: accepted, then recorded and reported; off: the list is not looked at', [
    'refuse',
    'report',
    'off',
  ]).optional(),
  'expire-after': durationOrNever.optional(),
});

export const feedbackShape = mapping('feedback', {
  'bounce-domains': oneOrMany('a domain', domain).optional(),
  fbl: oneOrMany('an address', address).optional(),
  'secret-file': path.optional(),
  'keep-for': positiveDuration.optional(),
  'max-msg-rate': wholeNumber.optional(),
});

const KEEP_FOR = 14 * DAY;
/** A minute, from one address: what a large provider sends when a campaign went wrong. */
const MAX_MSG_RATE = 600;

export function readSuppression(text: SettingsText): Pick<Settings, 'suppression'> {
  const value = text.section('suppression');
  if (!value) return {};
  return {
    suppression: {
      on: value.on ?? SUPPRESSION_CAUSES,
      scope: value.scope ?? 'global',
      at: value.at ?? 'refuse',
      expireAfter: value['expire-after'] ?? Infinity,
      from: text.yaml.key(['suppression']),
    },
  };
}

/** Relative paths start at the configuration file. */
export function readFeedback(text: SettingsText, absolute: (path: string) => string): Pick<Settings, 'feedback'> {
  const value = text.section('feedback');
  if (!value) return {};
  const secret = value['secret-file'];
  return {
    feedback: {
      bounceDomains: (value['bounce-domains'] ?? []).map(name => name.toLowerCase()),
      fbl: value.fbl ?? [],
      ...(secret === undefined ? {} : { secretFile: absolute(secret) }),
      keepFor: value['keep-for'] ?? KEEP_FOR,
      maxMsgRate: value['max-msg-rate'] ?? MAX_MSG_RATE,
      from: text.yaml.key(['feedback']),
    },
  };
}
