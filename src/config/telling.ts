/**
 * accounting, reject-log, webhooks and alerts of rampd.yaml → their settings, with what stands in no shape: fields a type of
 * record does not have, an empty list, an alert that tells nobody.
 */
import { FIELDS, RECORD_TYPES, type FieldName, type RecordType } from '../kernel/accounting.js';
import {
  ALERT_KINDS,
  type AccountingFileSettings,
  type AlertKind,
  type AlertSettings,
  type Chosen,
  type RejectLogSettings,
  type Rotation,
  type WebhookSettings,
} from '../kernel/telling.js';
import { nearest } from '../kernel/text.js';
import { DAY, MINUTE, SECOND } from '../kernel/units.js';
import { assertApart } from './apart.js';
import { nameOf, targetOf } from './hook-target.js';
import type { SettingsText } from './settings.js';
import { quoted } from './shape.js';
import type { Path } from './yaml-text.js';

export interface Telling {
  readonly accounting?: readonly AccountingFileSettings[];
  readonly rejectLog?: RejectLogSettings;
  readonly webhooks?: readonly WebhookSettings[];
  readonly alerts?: readonly AlertSettings[];
}

/** What files and webhooks hold unless they say. */
const FILE_RECORDS: readonly RecordType[] = ['d', 'b', 't', 'rb', 'f'];
const HOOK_RECORDS: readonly RecordType[] = ['d', 'b', 'rb', 'f'];
const GB = 1024 ** 3;
const ALERT_SPOOL = 16 * 1024 ** 2;

/** `resolve` makes paths absolute. */
export function readTelling(text: SettingsText, stateDir: string, resolve: (path: string) => string): Telling {
  const accounting = readFiles(text, resolve);
  const reject = text.section('reject-log');
  const webhooks = readWebhooks(text, resolve);
  const alerts = readAlerts(text, resolve);
  const rejectLog = reject && {
    file: resolve(reject.file),
    format: reject.format ?? ('csv' as const),
    rotation: rotationOf(reject, resolve),
    from: text.yaml.place(['reject-log']),
  };
  const log = text.section('log')?.file;
  const others = log === undefined ? [] : [resolve(log)];
  assertApart([...(accounting ?? []), ...(rejectLog ? [rejectLog] : [])], others, stateDir, text.findings);
  return {
    ...(accounting && { accounting }),
    ...(rejectLog && { rejectLog }),
    ...(webhooks && { webhooks }),
    ...(alerts && { alerts }),
  };
}

/** Where the items of a section stand that is one mapping or a list of them. */
function itemPath(text: SettingsText, name: 'accounting' | 'webhooks' | 'alerts', i: number): Path {
  return Array.isArray(text.raw(name)) ? [name, i] : [name];
}

function readFiles(text: SettingsText, resolve: (path: string) => string): AccountingFileSettings[] | undefined {
  return text.section('accounting')?.map((value, i) => {
    const path = itemPath(text, 'accounting', i);
    return {
      file: resolve(value.file),
      format: value.format ?? (/\.(nd)?jsonl?$/i.test(value.file) ? 'ndjson' : 'csv'),
      fields: chosen(value.records ?? FILE_RECORDS, value.fields, text, path),
      rotation: rotationOf(value, resolve),
      from: text.yaml.place(path),
    };
  });
}

function rotationOf(
  value: {
    rotate?: number | undefined;
    'max-size'?: number | undefined;
    compress?: 'gzip' | 'none' | undefined;
    'move-to'?: string | undefined;
    retain?: Rotation['retain'];
  },
  resolve: (path: string) => string,
): Rotation {
  return {
    every: value.rotate ?? DAY,
    maxSize: value['max-size'] ?? Infinity,
    compress: value.compress !== 'none',
    ...(value['move-to'] !== undefined && { moveTo: resolve(value['move-to']) }),
    ...(value.retain && { retain: value.retain }),
  };
}

/** A list of fields goes for every type, as far as it has them; a map says those of the types it names. `type` is always there. */
function chosen(
  records: readonly RecordType[],
  fields: readonly FieldName[] | Readonly<Record<string, readonly FieldName[]>> | undefined,
  text: SettingsText,
  path: Path,
): Chosen {
  const known = (type: RecordType): readonly FieldName[] => FIELDS[type];
  const result: Partial<Record<RecordType, readonly FieldName[]>> = {};
  if (records.length === 0) emptyList('records', 'nothing would ever be written', RECORD_TYPES, text, path);
  const said = fields && !isList(fields) ? fields : undefined;
  if (said) assertFields(said, records, text, [...path, 'fields']);
  for (const type of RECORD_TYPES.filter(t => records.includes(t))) {
    const wanted = said ? said[type] : (fields as readonly FieldName[] | undefined);
    result[type] = wanted ? known(type).filter(name => name === 'type' || wanted.includes(name)) : known(type);
  }
  return result;
}

/** An empty list would silence what its entry is there for, and nobody would notice. */
function emptyList(key: string, what: string, words: readonly string[], text: SettingsText, path: Path): void {
  text.findings.fault(text.yaml.place([...path, key]), {
    code: 'empty-list',
    what: `${key} is an empty list: ${what}`,
    allowed: words.join(', '),
    hint: 'leave it out for the usual ones',
  });
}

const isList = (fields: readonly FieldName[] | Readonly<Record<string, readonly FieldName[]>>): fields is readonly FieldName[] =>
  Array.isArray(fields);

function assertFields(
  said: Readonly<Record<string, readonly FieldName[]>>,
  records: readonly RecordType[],
  text: SettingsText,
  path: Path,
): void {
  for (const [written, names] of Object.entries(said)) {
    const type = RECORD_TYPES.find(t => t === written);
    if (!type || !records.includes(type)) {
      text.findings.fault(text.yaml.key([...path, written]), {
        code: 'unknown-record',
        what: type ? `fields of ${type} are said, and ${type} is not among the records` : `${quoted(written)} is no type of record`,
        allowed: (type ? records : RECORD_TYPES).join(', '),
      });
      continue;
    }
    const known: readonly FieldName[] = FIELDS[type];
    names.forEach((name, i) => {
      if (known.includes(name)) return;
      const near = nearest(name, known);
      text.findings.fault(text.yaml.place([...path, written, i]), {
        code: 'unknown-field',
        what: `records of type ${type} have no field ${name}`,
        allowed: known.join(', '),
        ...(near !== undefined && { hint: `did you mean ${near}?` }),
      });
    });
  }
}

function readWebhooks(text: SettingsText, resolve: (path: string) => string): WebhookSettings[] | undefined {
  const hooks = text.section('webhooks')?.map((value, i) => {
    const path = itemPath(text, 'webhooks', i);
    return {
      ...targetOf(value, GB, resolve, text, path),
      name: value.name ?? nameOf(value.url),
      fields: chosen(value.records ?? HOOK_RECORDS, value.fields, text, path),
      format: value.format ?? ('ndjson' as const),
      batch: value.batch ?? 500,
      every: value.every ?? 5 * SECOND,
      from: text.yaml.place(path),
    };
  });
  hooks?.forEach((hook, i) => {
    if (hooks.findIndex(other => other.name.toLowerCase() === hook.name.toLowerCase()) < i)
      text.findings.fault(hook.from, {
        code: 'same-name',
        what: `a webhook ${hook.name} stands above`,
        hint: 'give each a name: of its own',
      });
    else if (unnamed(hook) && hooks.some(other => other !== hook && unnamed(other) && sameHost(other, hook)))
      text.findings.warn(hook.from, {
        code: 'unnamed-webhook',
        what: `status and log will call this one ${hook.name}, and another one of the same host much the same`,
        hint: 'give each a name: of its own',
      });
  });
  return hooks;
}

const unnamed = ({ name, url }: WebhookSettings): boolean => name === nameOf(url);
const sameHost = (a: WebhookSettings, b: WebhookSettings): boolean => new URL(a.url).hostname === new URL(b.url).hostname;

function readAlerts(text: SettingsText, resolve: (path: string) => string): AlertSettings[] | undefined {
  return text.section('alerts')?.map((value, i) => {
    const path = itemPath(text, 'alerts', i);
    const target = typeof value.webhook === 'string' ? { url: value.webhook } : value.webhook;
    if (!target && !value.mail?.length)
      text.findings.fault(text.yaml.place(path), {
        code: 'alert-to-nobody',
        what: 'the alert says neither webhook nor mail',
        allowed: 'webhook: https://…, mail: [addresses], or both',
      });
    if (value.on?.length === 0) emptyList('on', 'nobody would ever be told', DEFAULT_ALERTS, text, path);
    return {
      name: `alert-${i + 1}${target ? `-${nameOf(target.url)}` : ''}`,
      on: (value.on as AlertKind[] | undefined) ?? DEFAULT_ALERTS,
      ...(target && { webhook: targetOf(target, ALERT_SPOOL, resolve, text, [...path, 'webhook']) }),
      mail: value.mail ?? [],
      nothingFor: value['nothing-for'] ?? 30 * MINUTE,
      every: value.every ?? 15 * MINUTE,
      from: text.yaml.place(path),
    };
  });
}

const DEFAULT_ALERTS = ALERT_KINDS.filter(kind => kind !== 'test');
