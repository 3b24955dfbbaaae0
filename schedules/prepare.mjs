/**
 * Run by the build: parses the schedules and provider files beside it into dist/schedules.json, so that a start need not.
 *
 * A file that is changed afterwards is parsed again when it is read; nothing goes stale.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare } from '../dist/config/prepared.js';

const here = import.meta.dirname;
const texts = [here, join(here, 'providers')].flatMap(folder =>
  readdirSync(folder)
    .filter(name => /\.ya?ml$/.test(name))
    .map(name => readFileSync(join(folder, name), 'utf8')),
);
writeFileSync(join(here, '../dist/schedules.json'), prepare(texts));
