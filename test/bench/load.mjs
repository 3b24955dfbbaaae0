/**
 * How long the configuration takes to read, with every schedule and provider file that is shipped, in a cold process.
 *
 *   node test/bench/load.mjs [--rounds 15] [BUILD…]
 *
 * Each round starts one process for each build in turn, so that builds compare by ratio whatever else the machine does. Told
 * are medians in milliseconds, by the clock and of the processor, which matters when others use it too: importing the modules,
 * `loadSettings`, and the classifier over all rules.
 */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const TEXT = `host-name: mta.example.com
state-dir: /var/lib/rampd
listeners: [{ address: "127.0.0.1:2525" }]
clients: [{ from: 127.0.0.0/8, pool: main }]
sources:
  hot: { address: 192.0.2.1, warm-up: none }
  cold: { address: 192.0.2.2, warm-up: { schedule: four-weeks } }
pools: { main: { sources: [hot, cold] } }
`;

/** One cold reading, printed as JSON. */
async function once(build) {
  const from = path => import(pathToFileURL(join(build, path)).href);
  const told = {};
  const timed = async (name, act) => {
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    const result = await act();
    const { user, system } = process.cpuUsage(cpu);
    told[name] = performance.now() - begin;
    told[`${name} cpu`] = (user + system) / 1000;
    return result;
  };
  const [{ loadSettings }, { memoryFiles, nodeFiles }, { Classifier }] = await timed('imports', () =>
    Promise.all([from('config/load.js'), from('config/files.js'), from('outcome/classify.js')]),
  );
  const { settings, faults } = await timed('load', () => loadSettings('rampd.yaml', memoryFiles({ 'rampd.yaml': TEXT }, nodeFiles(ROOT))));
  if (!settings) throw new Error(JSON.stringify(faults));
  await timed('classifier', () => new Classifier(settings.providers));
  console.log(JSON.stringify(told));
}

const median = list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, once: { type: 'string' } },
  allowPositionals: true,
});
if (values.once !== undefined) await once(resolve(values.once));
else {
  const builds = (positionals.length > 0 ? positionals : [join(ROOT, 'dist')]).map(build => resolve(build));
  const runs = builds.map(() => []);
  for (let round = 0; round < Number(values.rounds); round++)
    builds.forEach((build, i) => {
      const text = execFileSync(process.execPath, [import.meta.filename, '--once', build], { encoding: 'utf8' });
      runs[i].push(JSON.parse(text));
    });
  const rows = runs.map((list, i) => {
    const row = { build: builds[i] };
    for (const key of Object.keys(list[0])) row[key] = Math.round(median(list.map(run => run[key])) * 10) / 10;
    return row;
  });
  for (const row of rows) row['of the first'] = Math.round((row['load cpu'] / rows[0]['load cpu']) * 100) / 100;
  console.table(rows);
}
