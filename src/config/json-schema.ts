/**
 * JSON Schemas for editors, made of the very definitions the loader checks with.
 */
import { z } from 'zod';
import { providerShape } from './provider.js';
import { scheduleShape } from './schedule-shape.js';
import { settingsShape } from './settings-shape.js';

const SHAPES = { settings: settingsShape, schedule: scheduleShape, provider: providerShape };

export const SCHEMA_KINDS = Object.keys(SHAPES) as readonly SchemaKind[];
export type SchemaKind = keyof typeof SHAPES;

const TITLES: Readonly<Record<SchemaKind, string>> = {
  settings: 'rampd.yaml',
  schedule: 'a warm-up schedule of rampd',
  provider: 'a provider file of rampd',
};

/** Draft 2020-12; `settings` is rampd.yaml. */
export function jsonSchema(kind: SchemaKind): object {
  return { title: TITLES[kind], ...z.toJSONSchema(SHAPES[kind], { io: 'input' }) };
}
