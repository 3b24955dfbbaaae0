/** `rampd show KIND`: one list of what the daemon holds, as a table or as JSON. */
import { Argument, type Command } from 'commander';
import type { ControlClient } from '../control/client.js';
import { jsonText } from '../control/json-text.js';
import type { Screen } from '../control/page.js';
import {
  renderJobs,
  renderLanes,
  renderMessages,
  renderProviders,
  renderQueues,
  renderSchedules,
  renderSources,
  renderWindows,
} from '../control/render.js';
import { renderTls } from '../control/render-tls.js';
import { connect, daemonCommand, screen, show } from './connection.js';
import type { Io } from './io.js';
import { positive } from './numbers.js';
import type { Where } from './socket-path.js';
import { UsageError } from './usage.js';

interface Options extends Where {
  readonly json?: boolean;
  readonly queue?: string;
  readonly limit?: number;
}

interface Kind {
  /** Takes --queue. */
  readonly byQueue?: boolean;
  run(client: ControlClient, options: Options, io: Io): Promise<void>;
}

function kind<T>(
  read: (client: ControlClient, options: Options) => Promise<T>,
  render: (value: T, screen: Screen) => string,
  byQueue = false,
): Kind {
  return {
    byQueue,
    async run(client, options, io) {
      const value = await read(client, options);
      const cut = Array.isArray(value) && options.limit !== undefined ? (value.slice(0, options.limit) as T) : value;
      show(io, options.json, cut, it => render(it, screen(io, client)));
    },
  };
}

const sources = kind(client => client.sources(), renderSources);

const filter = ({ queue, limit }: Options) => ({ ...(queue === undefined ? {} : { queue }), ...(limit === undefined ? {} : { limit }) });

const KINDS: Readonly<Record<string, Kind>> = {
  sources,
  vmtas: sources,
  lanes: kind(client => client.lanes(), renderLanes),
  queues: kind((client, options) => client.queues(filter(options)), renderQueues, true),
  jobs: kind(client => client.jobs(), renderJobs),
  windows: kind(client => client.windows(), renderWindows),
  messages: kind((client, options) => client.messages(filter(options)), renderMessages, true),
  schedules: kind(client => client.schedules(), renderSchedules),
  providers: kind(client => client.providers(), renderProviders),
  tls: kind(client => client.tls(), renderTls),
  settings: kind(
    client => client.settings(),
    value => `${jsonText(value)}\n`,
  ),
};

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'show', 'list what the daemon holds')
    .addArgument(new Argument('<kind>', 'what to list').choices(Object.keys(KINDS)))
    .option('--json', 'as JSON')
    .option('--queue <name>', 'only this queue, domain@pool; globs allowed (queues, messages)')
    .option('--limit <n>', 'at most so many (messages: 100 unless said)', positive)
    .action(async (name: string, options: Options) => {
      const chosen = KINDS[name];
      if (!chosen) throw new UsageError(`there is nothing to show called ${name}`);
      if (options.queue !== undefined && !chosen.byQueue)
        throw new UsageError(`--queue does not apply to ${name}: it narrows queues and messages`);
      await chosen.run(await connect(options, io), options, io);
    });
}
