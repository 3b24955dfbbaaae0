import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSecretFile } from '../../src/outcome/secret-file.js';

const place = { file: 'rampd.yaml', line: 3, col: 5 };
let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-secret-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (content: string | Buffer): Buffer => {
  writeFileSync(join(dir, 'secret'), content);
  return readSecretFile(join(dir, 'secret'), place);
};

it('a secret is its text without the white space around it, or what stands behind whsec_ in base64', () => {
  expect(read('  sixteen bytes it is\n').toString()).toBe('sixteen bytes it is');
  expect(read('élève élève élève à\r\n').toString()).toBe('élève élève élève à');
  const bytes = Buffer.from('0123456789abcdef');
  expect(read(`whsec_${bytes.toString('base64')}\n`)).toEqual(bytes);
});

it('one that is short or cannot be read is a fault at its place', () => {
  expect(() => read('  fifteen bytes !   \n')).toThrow(/^rampd\.yaml:3:5: the secret in .* has 15 bytes; allowed: at least 16/);
  expect(() => readSecretFile(join(dir, 'none'), place)).toThrow(/^rampd\.yaml:3:5: the secret file .*none cannot be read: ENOENT/);
});
