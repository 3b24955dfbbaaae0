/**
 * Texts parsed ahead of time: the same values, the same places, and never in place of a text that has changed.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { memoryFiles, nodeFiles, shippedFolder } from '../../src/config/files.js';
import { Findings } from '../../src/config/findings.js';
import { readLibrary } from '../../src/config/library.js';
import { Prepared, prepare } from '../../src/config/prepared.js';
import { YamlText } from '../../src/config/yaml-text.js';
import type { Path } from '../../src/config/yaml-text.js';

const { path: SHIPPED } = shippedFolder();
const disk = nodeFiles('/');
const texts = [SHIPPED, join(SHIPPED, 'providers')].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => readFileSync(join(folder, name), 'utf8')),
);

/** The shipped files, with or without what a build made of them. */
function library(json?: string, changed: Readonly<Record<string, string>> = {}) {
  const findings = new Findings();
  const folder = { path: SHIPPED, shown: 'schedules', prepared: 'made/schedules.json' };
  const read = memoryFiles({ ...(json !== undefined && { 'made/schedules.json': json }), ...changed }, disk);
  const { schedules, providers } = readLibrary(
    [folder],
    { ...read, list: dir => disk.list(dir) },
    { smtpPort: 25, secret: () => undefined },
    findings,
  );
  return { schedules, providers, faults: findings.faults, warnings: findings.warnings };
}

const parsed = library();
const json = prepare(texts);

describe('the shipped files, prepared', () => {
  it('read as they do when they are parsed, to the last place', () => {
    expect(parsed.providers.size).toBeGreaterThan(25);
    expect(library(json)).toEqual(parsed);
  });

  it('are all there', () => {
    expect(Object.keys(JSON.parse(json) as object)).toHaveLength(texts.length);
  });

  /** Proves that the prepared texts are used at all: what they say is believed. */
  const twisted = json.replace('Google, Microsoft and Yahoo each climb at their own pace"', 'twisted"');

  it('are used', () => {
    expect(twisted).not.toBe(json);
    expect(library(twisted).schedules.get('four-weeks-per-provider')?.description).toMatch(/twisted$/);
  });

  it('are not used for a text that has changed', () => {
    const name = join(SHIPPED, 'four-weeks-per-provider.yaml');
    const text = readFileSync(name, 'utf8').replace('from: 40/h', 'from: 41/h');
    const { schedules, faults } = library(twisted, { [name]: text });
    expect(faults).toEqual([]);
    expect(schedules.get('four-weeks-per-provider')).toMatchObject({
      description: expect.stringMatching(/own pace$/) as string,
      stages: expect.arrayContaining([
        expect.objectContaining({ limits: { maxMsgPerHour: expect.objectContaining({ value: 41 }) as object } }),
      ]) as [],
    });
  });

  it.each([
    ['nothing', ''],
    ['half of it', json.slice(0, json.length / 2)],
    ['null', 'null'],
    ['a list', '[]'],
    ['other things', '{"a":1,"b":{"value":2}}'],
  ])('are done without when there is %s', (_, damaged) => {
    expect(library(damaged)).toEqual(parsed);
  });
});

describe('any text', () => {
  const pathsIn = (value: unknown, path: Path = []): Path[] => [
    path,
    [...path, 'no such key'],
    [...path, 7],
    ...(typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key])) : []),
  ];

  function same(text: string): void {
    const before = YamlText.read('f.yaml', text, new Findings());
    const after = Prepared.read(prepare([text]))?.find('f.yaml', text);
    expect(after?.value).toEqual(before?.value);
    for (const path of pathsIn(before?.value)) {
      expect(after?.place(path), path.join('.')).toEqual(before?.place(path));
      expect(after?.key(path), path.join('.')).toEqual(before?.key(path));
    }
  }

  it('gives the same values and places', () => {
    const word = fc.string({ minLength: 1, maxLength: 6 });
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(null, true, false, 0, 17, -2.5, '', 'a b', '200/h'),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('value'), { maxLength: 3 }),
      map: fc.dictionary(word, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(fc.dictionary(word, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }), fc.constantFrom(0, 1, 80), (map, flow) => {
        const text = stringify(map, flow === 0 ? {} : { collectionStyle: 'flow', lineWidth: flow });
        if (prepare([text]) !== '{}') same(text);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['anchors', 'a: &x { b: [1, 2] }\nc: *x\n'],
    ['empty values', 'a:\nb:\n  - \n  - c:\n'],
    ['comments', '# one\na: # two\n  b: 1\n'],
  ])('with %s too', (_, text) => {
    expect(prepare([text])).not.toBe('{}');
    same(text);
  });

  it.each([
    ['broken', 'a: [1'],
    ['with a key twice', 'a: 1\na: 2'],
    ['that contains itself', 'a: &x [1, *x]'],
    ['with an infinity', 'a: .inf'],
    ['with minus zero', 'a: -0.0'],
  ])('%s is left to be parsed', (_, text) => {
    expect(prepare([text])).toBe('{}');
  });
});
