/**
 * The shape of rampd.yaml, section by section. settings.ts reads it piecewise, so that one mistake does not hide others;
 * the JSON Schema is made of the whole.
 */
import { readNameGlob } from './address.js';
import { dkimShape, dkimSign } from './dkim.js';
import { doctorShape } from './doctor.js';
import { feedbackShape, suppressionShape } from './feedback.js';
import { httpShape, injection, priority, wish } from './http-shape.js';
import { limitFields, limitsShape, totalShape } from './limits.js';
import { parseDuration, SECOND, type Ms } from '../kernel/units.js';
import { overlayShape } from './provider.js';
import { either, flag, listOf, mapping, namesTo, oneOf, oneOrMany, scalar } from './shape.js';
import { mailbox, tellingSections } from './telling-shape.js';
import {
  cidr,
  count,
  dnsServer,
  domain,
  duration,
  durationOrNever,
  headerName,
  hostname,
  hourly,
  listenAddress,
  name,
  path,
  port,
  size,
  someCount,
  sourceAddress,
  textOf,
  wholeNumber,
} from './words.js';

const day = scalar<string>('bad-date', { type: 'string', description: 'a date such as 2025-03-01' }, text => {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  const real = date !== undefined && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  return real ? { ok: true, value: text } : { ok: false, allowed: 'a date such as 2025-03-01' };
});

const weight = scalar<number>(
  'bad-weight',
  { type: ['integer', 'string'], description: 'a weight from 1 up; 0 or none takes no mail' },
  text => {
    if (text === 'none') return { ok: true, value: 0 };
    return /^\d{1,6}$/.test(text) ? { ok: true, value: Number(text) } : { ok: false, allowed: 'a whole number; 0 or none takes no mail' };
  },
);

const node = scalar<number>(
  'bad-node',
  { type: 'integer', description: 'a number from 0 to 255, one per machine', minimum: 0, maximum: 255 },
  text =>
    /^\d{1,3}$/.test(text) && Number(text) <= 255
      ? { ok: true, value: Number(text) }
      : { ok: false, allowed: 'a whole number from 0 to 255' },
);

const password = scalar<string>('bad-password', { type: 'string', description: 'scrypt:SALT:HASH (base64url), or plain text' }, text => {
  if (text === '') return { ok: false, allowed: 'scrypt:SALT:HASH, or plain text' };
  if (!text.startsWith('scrypt:') || /^scrypt:[A-Za-z0-9_-]{8,}:[A-Za-z0-9_-]{16,}$/.test(text)) return { ok: true, value: text };
  return { ok: false, allowed: 'scrypt:SALT:HASH, both base64url' };
});

/** Below a second a client would be cut off before it is greeted. */
const silence = scalar<Ms>('bad-time', { type: 'string', description: 'a time from 1s up such as 5m', examples: ['5m'] }, text => {
  const read = parseDuration(text);
  return read.ok && read.value >= SECOND ? read : { ok: false, allowed: 'a time from 1s up, such as 5m' };
});

export const listenerShape = mapping('a listener', {
  address: listenAddress,
  tls: mapping('tls', { cert: path, key: path, mode: oneOf('how TLS begins', ['starttls', 'implicit']).optional() }).optional(),
  'max-connections': someCount.optional(),
  'idle-timeout': silence.optional(),
});

export const clientShape = mapping('a client', {
  from: oneOrMany('an address or range such as 127.0.0.0/8', cidr).optional(),
  user: textOf('a user name').optional(),
  password: password.optional(),
  pool: name,
  'max-connections': someCount.optional(),
  ...injection,
});

const warmUpShape = mapping('warm-up', {
  schedule: name,
  target: hourly.optional(),
  stage: wholeNumber.optional(),
  started: day.optional(),
});

export const sourceShape = mapping('a source', {
  address: sourceAddress,
  'host-name': hostname.optional(),
  'warm-up': either('none, or { schedule: NAME }', [oneOf('this address is warm', ['none']), warmUpShape], {
    code: 'missing-warm-up',
    hint: 'a forgotten line would send at full speed, so every source says it',
  }),
  ...limitFields,
});

export const poolShape = mapping('a pool', {
  sources: either('a list of sources, or a map of sources and weights', [listOf('sources', name), namesTo('sources and weights', weight)]),
  'cold-wait': duration.optional(),
  'sticky-for': duration.optional(),
  'warm-up': wish.optional(),
  priority: priority.optional(),
  'dkim-sign': dkimSign.optional(),
  verp: flag('each recipient gets a reverse path of its own, so that later bounces and complaints name it').optional(),
});

/** `*` is a word here: everything goes to a smart host. */
const anyGlob = scalar<string>('bad-glob', { type: 'string', description: 'a name, a pattern such as *.example.com, or *' }, text =>
  readNameGlob(text, true),
);
const queueToEntry = mapping('queue-to', { domain: anyGlob, to: domain });

/** All sections of rampd.yaml. */
export const sections = {
  'host-name': hostname,
  'state-dir': path,
  node: node.optional(),
  user: textOf('a user name or uid').optional(),
  listeners: listOf('listeners such as { address: "127.0.0.1:2525" }', listenerShape),
  clients: listOf('clients such as { from: ["127.0.0.0/8"], pool: NAME }', clientShape).optional(),
  'max-message-size': size.optional(),
  'max-recipients': someCount.optional(),
  'max-backlog': count.optional(),
  'max-loop-count': someCount.optional(),
  'max-header-size': size.optional(),
  'max-line-length': someCount.optional(),
  'strip-headers': listOf('header field names such as Bcc', headerName).optional(),
  'min-free': size.optional(),
  sources: namesTo('sources such as cold-1: { address: 192.0.2.10, warm-up: none }', sourceShape),
  pools: namesTo('pools such as marketing: { sources: [cold-1] }', poolShape),
  defaults: limitsShape.optional(),
  total: totalShape.optional(),
  providers: namesTo('providers by name', overlayShape).optional(),
  'queue-to': either('a map of recipient domains to domains, or a list of { domain, to }', [
    listOf('{ domain, to }', queueToEntry),
    namesTo('recipient domains and the domains to use instead', domain),
  ]).optional(),
  schedules: oneOrMany('a folder', path).optional(),
  dns: mapping('dns', {
    servers: oneOrMany('an address such as 127.0.0.1:5353', dnsServer).optional(),
    dnssec: flag('the servers validate, on this machine: believe them').optional(),
  }).optional(),
  tls: mapping('tls', {
    'mta-sts': flag('obey MTA-STS policies of recipient domains').optional(),
    ca: path.optional(),
    'min-version': oneOf('the oldest TLS that is spoken with receivers', ['TLSv1.2', 'TLSv1.3']).optional(),
    'https-port': port.optional(),
    report: mapping('report', { from: mailbox, organization: textOf('who sends the reports'), pool: name.optional() }).optional(),
  }).optional(),
  dkim: listOf('keys such as { domain: example.com, selector: s1, key: s1.pem }', dkimShape).optional(),
  'smtp-port': port.optional(),
  'allow-private': flag('deliver to loopback and private addresses').optional(),
  control: mapping('control', { socket: path.optional(), http: httpShape.optional() }).optional(),
  ...tellingSections,
  log: mapping('log', {
    level: oneOf('how much is logged', ['debug', 'info', 'warn', 'error']).optional(),
    file: path.optional(),
  }).optional(),
  dsn: mapping('dsn', {
    from: mailbox.optional(),
    pool: name.optional(),
    postmaster: mailbox.optional(),
    'delay-after': oneOrMany('an age such as 4h, or none', durationOrNever).optional(),
  }).optional(),
  suppression: suppressionShape.optional(),
  feedback: feedbackShape.optional(),
  doctor: doctorShape.optional(),
  drain: duration.optional(),
};

export const settingsShape = mapping('the configuration', sections);
