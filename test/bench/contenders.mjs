/**
 * The contenders, each started afresh in a folder of its own with the same sink, the same number of connections to it and no
 * limits: rampd as an operator would run it (accounting on), the bare libraries, and Postfix with queue files on the same
 * disk and its default of syncing before the 250.
 */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeLeaving, end, folder, freePort, installed, listening, removeFolder, ROOT, run, saying, start } from './place.mjs';
import { DOMAIN } from './client.mjs';
import { SINK_HOST } from './sink.mjs';

export const CONNECTIONS = 50;

/** `more` is added to rampd.yaml. */
export function rampdConfig(dir, port, sinkPort, more = '') {
  return `host-name: mta.sender.example
state-dir: ${join(dir, 'state')}
listeners: [{ address: "127.0.0.1:${port}" }]
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources: { out-1: { address: 127.0.1.9, host-name: out-1.sender.example, warm-up: none } }
pools: { main: { sources: [out-1] } }
defaults: { max-smtp-out: ${CONNECTIONS}, max-msg-per-connection: unlimited }
providers: { sink: { domains: [${DOMAIN}], smtp-hosts: ["${SINK_HOST}:${sinkPort}"] } }
accounting: { file: ${join(dir, 'acct.csv')}, format: csv, rotate: 1d }
allow-private: true
${more}`;
}

/** Writes a configuration and returns its file; the state folder may be filled before the start. */
export async function prepareRampd(sink, more) {
  const dir = folder('rampd');
  const port = await freePort();
  const file = join(dir, 'rampd.yaml');
  writeFileSync(file, rampdConfig(dir, port, sink.port, more));
  return { dir, port, file, state: join(dir, 'state') };
}

export async function startRampd({ build, profile }, { dir, port, file }) {
  const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const main = join(build, 'main.js');
  const from = performance.now();
  const child = start(process.execPath, [...flags, main, 'start', '-c', file]);
  const command = (...args) => run(process.execPath, [main, ...args, '-c', file]);
  await saying(child, 'is ready');
  const seconds = (performance.now() - from) / 1_000;
  return {
    name: 'rampd',
    port,
    dir,
    pid: child.pid,
    command,
    /** From the start of the process to "is ready". */
    seconds,
    async stop(keep = false) {
      await end(child);
      if (!keep) removeFolder(dir);
    },
  };
}

export const rampd = async (options, sink) => startRampd(options, await prepareRampd(sink, options.more));

export async function bare({ build, profile }, sink) {
  const dir = folder('bare');
  const port = await freePort();
  const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const args = [join(ROOT, 'test/bench/bare.mjs'), build, join(dir, 'spool'), port, SINK_HOST, sink.port, CONNECTIONS].map(String);
  const child = start(process.execPath, [...flags, ...args]);
  await saying(child, 'is ready');
  return {
    name: 'bare libraries',
    port,
    pid: child.pid,
    async stop() {
      await end(child, profile ? 'SIGINT' : 'SIGTERM');
      removeFolder(dir);
    },
  };
}

/** undefined: Postfix is not installed, or this user may not run it. */
export async function postfix(_options, sink) {
  const program = installed('postfix');
  if (!program || process.getuid() !== 0) return undefined;
  const dir = folder('postfix');
  const port = await freePort();
  const config = join(dir, 'etc');
  mkdirSync(config);
  for (const name of ['queue', 'data']) mkdirSync(join(dir, name));
  const [, , uid, gid] = (/^postfix:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? 'postfix:x:0:0').split(':').map(Number);
  chownSync(join(dir, 'data'), uid, gid);
  writeFileSync(
    join(config, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${join(dir, 'queue')}
data_directory = ${join(dir, 'data')}
myhostname = mta.sender.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
relayhost = [${SINK_HOST}]:${sink.port}
smtp_bind_address = 127.0.1.9
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
in_flow_delay = 0
default_process_limit = 200
smtpd_client_connection_count_limit = 0
default_destination_concurrency_limit = ${CONNECTIONS}
initial_destination_concurrency = ${CONNECTIONS}
message_size_limit = 0
`,
  );
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'proxymap unix - - n - - proxymap',
    'proxywrite unix - - n - 1 proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  writeFileSync(join(config, 'master.cf'), `${services.join('\n')}\n`);
  // Its master detaches itself.
  const halt = () => run(program, ['-c', config, 'stop']).catch(() => undefined);
  const taken = beforeLeaving(halt);
  await run(program, ['-c', config, 'start']);
  await listening('127.0.0.1', port);
  return {
    name: 'Postfix',
    port,
    async stop() {
      await halt();
      taken();
      removeFolder(dir);
    },
  };
}
