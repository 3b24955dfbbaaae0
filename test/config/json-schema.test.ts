/**
 * The JSON Schemas come from the definitions the loader checks with: every key is there, and strangers are not.
 */
import { describe, expect, it } from 'vitest';
import { SCHEMA_KINDS, jsonSchema } from '../../src/config/json-schema.js';
import { sections } from '../../src/config/settings-shape.js';
import { DIRECTIVES } from '../../src/kernel/limits.js';
import { CLASSES, SCOPES } from '../../src/kernel/reply.js';
import { GATE_METRICS } from '../../src/kernel/schedule.js';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: boolean | Node;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly enum?: readonly string[];
  readonly type?: string | readonly string[];
  readonly description?: string;
}

const schema = (kind: (typeof SCHEMA_KINDS)[number]) => jsonSchema(kind) as Node;
const keys = (node: Node | undefined) => Object.keys(node?.properties ?? {});
const under = (node: Node | undefined): Node | undefined =>
  typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;

describe('the JSON Schema', () => {
  const settings = schema('settings');

  it('has every section, demands what the loader demands, and knows no other', () => {
    expect(keys(settings)).toEqual(Object.keys(sections));
    expect(settings.required).toEqual(['host-name', 'state-dir', 'listeners', 'sources', 'pools']);
    expect(settings.additionalProperties).toBe(false);
  });

  it('has every limit key wherever limits stand', () => {
    const directives = Object.values(DIRECTIVES).sort();
    expect(keys(settings.properties?.defaults).sort()).toEqual(directives);
    expect(keys(under(settings.properties?.sources))).toEqual(expect.arrayContaining(directives));
    expect(keys(under(settings.properties?.providers)?.properties?.limits).sort()).toEqual(directives);
    expect(keys(schema('schedule').properties?.stages?.items).sort()).toEqual(directives);
  });

  it('has the words of rules and gates', () => {
    const rule = schema('provider').properties?.rules?.items?.anyOf?.find(({ properties }) => properties);
    expect(rule?.properties?.class?.enum).toEqual(CLASSES);
    expect(rule?.properties?.scope?.enum).toEqual(SCOPES);
    expect(rule?.required).toEqual(['id', 'match', 'class']);
    expect(keys(schema('schedule').properties?.gates?.properties?.hold)).toEqual(GATE_METRICS);
  });

  it.each(SCHEMA_KINDS)('of %s describes every value', kind => {
    const bare: string[] = [];
    const walk = (node: Node, path: string): void => {
      const inner = [...Object.entries(node.properties ?? {}), ...(node.anyOf ?? []).map((each, i) => [`${i}`, each] as const)];
      for (const [key, each] of inner) walk(each, `${path}.${key}`);
      if (node.items) walk(node.items, `${path}[]`);
      const more = under(node);
      if (more) walk(more, `${path}.*`);
      if (inner.length === 0 && !node.items && !more && (node.type === undefined || node.description === undefined)) bare.push(path);
    };
    walk(schema(kind), kind);
    expect(bare).toEqual([]);
  });
});
