/**
 * `npm run bench`: what rampd reaches on this machine, beside the bare libraries and Postfix in the same run.
 *
 *   npm run bench -- [--only e2e|dkim|latency|backlog|start|decide|governor|idle|suppression]… [--rounds 3] [--messages N] [--bytes 4096]
 *                    [--contenders rampd,bare,postfix] [--build dist] [--dir FOLDER] [--profile FOLDER] [--ours] [--verbose]
 *
 * Everything happens on loopback and in a folder on a real disk that is removed afterwards. Numbers of one run compare with
 * each other and with nothing else.
 */
import { cpus, loadavg } from 'node:os';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backlog } from './backlog.mjs';
import { dkim } from './dkim.mjs';
import { e2e } from './e2e.mjs';
import { idle } from './idle.mjs';
import { latency } from './latency.mjs';
import { enter, leave, ROOT, run } from './place.mjs';
import { startUp } from './start.mjs';
import { suppression } from './suppression.mjs';

/** In a process of its own: it looks at its garbage collector. */
const apart =
  name =>
  async ({ build }) =>
    console.log(await run(process.execPath, ['--expose-gc', join(ROOT, `test/bench/${name}.mjs`), build]));

const SECTIONS = { decide: apart('decide'), governor: apart('govern'), e2e, dkim, latency, backlog, start: startUp, idle, suppression };

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(SECTIONS) },
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string' },
    bytes: { type: 'string' },
    contenders: { type: 'string' },
    build: { type: 'string', default: join(ROOT, 'dist') },
    dir: { type: 'string' },
    profile: { type: 'string' },
    ours: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const options = {
  ...values,
  build: resolve(values.build),
  rounds: Number(values.rounds),
  messages: values.messages === undefined ? undefined : Number(values.messages),
  bytes: values.bytes === undefined ? undefined : Number(values.bytes),
  contenders: values.contenders?.split(','),
};
const wanted = values.only.flatMap(name => name.split(','));
const unknown = wanted.filter(name => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`);
  process.exit(2);
}
if (!existsSync(join(options.build, 'main.js'))) {
  console.error(`${options.build}/main.js is missing: run npm run build`);
  process.exit(2);
}

const stopped = () => void leave().then(() => process.exit(130));
process.once('SIGINT', stopped);
process.once('SIGTERM', stopped);
try {
  const dir = enter(values.dir);
  const load = loadavg()[0].toFixed(1);
  console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, load ${load} before, state in ${dir}`);
  for (const name of wanted) await SECTIONS[name](options);
} finally {
  await leave();
}
