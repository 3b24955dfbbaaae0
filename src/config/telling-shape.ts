/**
 * The shapes of accounting, reject-log, webhooks and alerts in rampd.yaml.
 */
import { FIELD_NAMES, RECORD_TYPES, type FieldName } from '../kernel/accounting.js';
import { ALERT_KINDS } from '../kernel/telling.js';
import { MINUTE, parseDuration, parseSize, type Ms } from '../kernel/units.js';
import { hostName } from './address.js';
import { either, listOf, mapping, namesTo, oneOf, oneOrMany, scalar } from './shape.js';
import { name, path, positiveDuration, size, wholeNumber } from './words.js';

export const mailbox = scalar<string>('bad-address', { type: 'string', description: 'an address such as postmaster@example.com' }, text => {
  const [local, host, ...rest] = text.split('@');
  if (rest.length === 0 && /^[^\s<>()"\\,;:]{1,64}$/.test(local ?? '') && hostName(host ?? '') !== undefined)
    return { ok: true, value: text };
  return { ok: false, allowed: 'an address such as postmaster@example.com' };
});

/** Files put aside more often, or smaller, would fill a folder with names faster than anybody reads them. */
const SHORTEST = MINUTE;
const SMALLEST = 64 * 1024;

const PERIOD = 'a time such as 1d or 1h, at least 1m, or none';
const period = scalar<Ms>('bad-time', { type: 'string', description: PERIOD }, text => {
  if (text === 'none') return { ok: true, value: Infinity };
  const read = parseDuration(text);
  return read.ok && read.value >= SHORTEST ? read : { ok: false, allowed: PERIOD };
});

const FILE_SIZE = 'a size such as 100MB, at least 64K';
const fileSize = scalar<number>('bad-size', { type: ['string', 'integer'], description: FILE_SIZE, examples: ['100MB'] }, text => {
  const read = parseSize(text);
  return read.ok && read.value >= SMALLEST ? read : { ok: false, allowed: FILE_SIZE };
});

const retain = scalar<{ age: Ms } | { count: number }>(
  'bad-retain',
  {
    type: ['string', 'integer'],
    description: 'how long files put aside are kept, such as 30d, or how many, such as 100',
    examples: ['30d', 100],
  },
  text => {
    if (/^[1-9]\d{0,6}$/.test(text)) return { ok: true, value: { count: Number(text) } };
    const read = parseDuration(text);
    if (read.ok && read.value > 0) return { ok: true, value: { age: read.value } };
    return { ok: false, allowed: 'a time such as 30d, or a number of files such as 100' };
  },
);

const rotation = {
  rotate: period.optional(),
  'max-size': fileSize.optional(),
  compress: oneOf('what becomes of rotated files', ['gzip', 'none']).optional(),
  'move-to': path.optional(),
  retain: retain.optional(),
};
const fileFormat = oneOf('how records are written', ['csv', 'ndjson']).optional();

const FIELD_WORDS = FIELD_NAMES as unknown as readonly [FieldName, ...FieldName[]];
const recordTypes = oneOrMany('a type of record such as d', oneOf('a type of record', RECORD_TYPES));
const fieldList = listOf('fields such as rcpt', oneOf('a field of a record', FIELD_WORDS));
const recordFields = {
  records: recordTypes.optional(),
  fields: either('a list of fields, or a map of types of record and their lists', [
    fieldList,
    namesTo('types of record and their fields', fieldList),
  ]).optional(),
};

const accountingFile = mapping('accounting', { file: path, format: fileFormat, ...recordFields, ...rotation });

const url = scalar<string>('bad-url', { type: 'string', description: 'an address such as https://example.com/hook' }, text => {
  const allowed = 'an address such as https://example.com/hook, without name and password';
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '' || parsed.hash !== '')
    return { ok: false, allowed };
  return { ok: true, value: parsed.href };
});

const header = scalar<string>('bad-header', { type: 'string', description: 'the value of a header field' }, text =>
  /^[\x20-\x7e]{1,4000}$/.test(text) && text.trim() === text
    ? { ok: true, value: text }
    : { ok: false, allowed: 'printable ASCII on one line' },
);

const target = {
  url,
  headers: namesTo('header fields and their values', header).optional(),
  'secret-file': path.optional(),
  ca: path.optional(),
  timeout: positiveDuration.optional(),
  'give-up-after': positiveDuration.optional(),
  'max-spool': size.optional(),
};

const webhook = mapping('a webhook', {
  name: name.optional(),
  ...target,
  ...recordFields,
  format: oneOf('ndjson: a record on each line; json: one list', ['ndjson', 'json']).optional(),
  batch: wholeNumber.optional(),
  every: positiveDuration.optional(),
});

const ON = ALERT_KINDS.filter(kind => kind !== 'test') as unknown as readonly [string, ...string[]];

const alert = mapping('an alert', {
  on: oneOrMany('a kind of alert such as window-opened', oneOf('what is told', ON)).optional(),
  webhook: either('an address such as https://example.com/hook, or { url, headers, … }', [url, mapping('webhook', target)]).optional(),
  mail: oneOrMany('an address such as postmaster@example.com', mailbox).optional(),
  'nothing-for': positiveDuration.optional(),
  every: positiveDuration.optional(),
});

/** The sections, as settings-shape.ts takes them in. */
export const tellingSections = {
  accounting: oneOrMany('a file such as { file: acct.csv }', accountingFile).optional(),
  'reject-log': mapping('reject-log', { file: path, format: fileFormat, ...rotation }).optional(),
  webhooks: oneOrMany('a webhook such as { url: https://example.com/hook, records: [d, b] }', webhook).optional(),
  alerts: oneOrMany('an alert such as { on: [stage-braked], mail: postmaster@example.com }', alert).optional(),
};
