/** Operations for tests: remembers what it was asked, answers what the test set. */
import type { TraceLine } from '../../src/control/trace-view.js';
import type { TlsView } from '../../src/control/tls-view.js';
import type { DoctorView } from '../../src/control/doctor-view.js';
import { wanted } from '../../src/control/journal-filter.js';
import type { Act, DeleteFilter, JournalFilter, JournalPage, Operations } from '../../src/control/operations.js';
import type { SuppressionOperations } from '../../src/control/suppression-operations.js';
import type {
  FeedView,
  ForecastView,
  JobView,
  LaneView,
  MessageView,
  QueueView,
  SourceView,
  StatusView,
  WindowView,
} from '../../src/control/view.js';
import type { WhyView } from '../../src/control/why-view.js';

export const NOW = '2026-03-02T13:51:00.000Z';

export const source = (change: Partial<SourceView> = {}): SourceView => ({
  name: 'cold-1',
  address: '203.0.113.21',
  hostName: 'mta2.example.com',
  state: 'warming',
  schedule: 'four-weeks',
  stage: 8,
  stages: 28,
  maxMsgPerHour: 412,
  attemptsLastHour: 387,
  attemptsToday: 2310,
  maxMsgPerDay: 3296,
  deliveredToday: 2281,
  deferredToday: 25,
  bouncedToday: 4,
  complaints: 0,
  earned: true,
  cannotEarn: null,
  nextTick: '2026-03-03T04:00:00.000Z',
  waiting: 12345,
  snds: null,
  because: [],
  ...change,
});

export const lane = (change: Partial<LaneView> = {}): LaneView => ({
  source: 'cold-1',
  provider: 'microsoft',
  connections: 1,
  maxSmtpOut: 1,
  maxMsgPerHour: 60,
  attemptsLastHour: 60,
  waiting: 940,
  verdict: {
    go: false,
    until: '2026-03-02T14:03:00.000Z',
    because: [
      {
        limit: 'max-msg-per-hour',
        value: 60,
        used: 60,
        from: 'schedules/providers/microsoft.yaml:7:5',
        window: 'w17',
        reply: '451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited due to IP reputation.',
        until: '2026-03-02T14:03:00.000Z',
      },
      { limit: 'max-msg-per-hour', value: 412, used: 387, from: 'schedules/four-weeks.yaml:9:3', until: null },
    ],
  },
  windows: ['w17'],
  ...change,
});

export const queue = (change: Partial<QueueView> = {}): QueueView => ({
  pool: 'marketing',
  domain: 'outlook.com',
  provider: 'microsoft',
  waiting: 940,
  oldest: '2026-03-02T11:20:00.000Z',
  nextDue: '2026-03-02T14:03:00.000Z',
  ...change,
});

export const window = (change: Partial<WindowView> = {}): WindowView => ({
  id: 'w17',
  source: 'cold-1',
  provider: 'microsoft',
  scope: 'lane',
  rule: 'ms-ip-reputation',
  from: 'schedules/providers/microsoft.yaml:7:5',
  opened: '2026-03-02T12:33:00.000Z',
  until: '2026-03-02T14:03:00.000Z',
  recoverUntil: '2026-03-02T15:03:00.000Z',
  hits: 2,
  maxSmtpOut: 1,
  maxMsgPerHour: 60,
  suspend: false,
  reply: '451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited due to IP reputation.',
  ...change,
});

export const message = (change: Partial<MessageView> = {}): MessageView => ({
  id: '00-000000001f',
  client: 'app',
  sender: 'news@example.com',
  recipients: [
    {
      address: 'ann@outlook.com',
      queue: 'outlook.com@marketing',
      attempts: 1,
      due: '2026-03-02T14:03:00.000Z',
      last: {
        time: '2026-03-02T12:33:00.000Z',
        class: 'reputation.defer',
        reply: '451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited.',
        source: 'cold-1',
        host: 'outlook-com.olc.protection.outlook.com',
      },
    },
  ],
  accepted: '2026-03-02T11:20:00.000Z',
  bytes: 4096,
  job: 'spring',
  ...change,
});

export const why = (change: Partial<WhyView> = {}): WhyView => ({
  what: 'lane',
  name: 'cold-1/microsoft',
  summary: 'cold-1/microsoft waits for a place within the hour',
  lanes: [{ lane: 'cold-1/microsoft', verdict: lane().verdict, without: '2026-03-02T13:55:00.000Z' }],
  ...change,
});

export const status = (change: Partial<StatusView> = {}): StatusView => ({
  now: NOW,
  uptime: 266_400,
  version: '0.1.0',
  totals: {
    accepted: 120_000,
    delivered: 104_200,
    deferred: 8_310,
    bounced: 512,
    suppressed: 3,
    deleted: 0,
    waiting: 15_285,
    uncertain: 2,
  },
  spool: { messages: 15_100, recipients: 15_285, bytes: 61_849_600 },
  sources: [
    source(),
    source({
      name: 'hot-1',
      address: '192.0.2.10',
      state: 'warm',
      schedule: null,
      stage: null,
      stages: null,
      maxMsgPerHour: null,
      maxMsgPerDay: null,
      earned: null,
      nextTick: null,
    }),
  ],
  lanes: [lane()],
  queues: [queue()],
  windows: [window()],
  ...change,
});

export const forecast = (change: Partial<ForecastView> = {}): ForecastView => ({
  pool: 'marketing',
  onlyCold: true,
  waiting: 5000,
  held: 12,
  leaves: 3800,
  expires: 1200,
  done: '2026-03-04T14:00:00.000Z',
  days: [
    {
      from: '2026-03-02T13:51:00.000Z',
      until: '2026-03-03T04:00:00.000Z',
      leaves: 1200,
      expires: 0,
      waiting: 3800,
      sources: [{ name: 'cold-1', stage: 8, leaves: 1200, allows: 1200 }],
    },
    {
      from: '2026-03-03T04:00:00.000Z',
      until: '2026-03-04T04:00:00.000Z',
      leaves: 2600,
      expires: 1200,
      waiting: 0,
      sources: [{ name: 'cold-1', stage: 9, leaves: 2600, allows: null }],
    },
  ],
  unearned: [{ source: 'cold-1', stage: 9, stages: 28, at: '2026-03-04T04:00:00.000Z', needs: 3000, sends: 2600 }],
  stopped: ['cold-2: paused (operator:ann)'],
  shared: [{ pool: 'bulk', waiting: 70 }],
  ...change,
});

export class FakeOperations implements Operations {
  readonly asked: { readonly name: string; readonly args: readonly unknown[] }[] = [];
  lines: FeedView[] = [];
  readonly #listeners = new Set<(line: FeedView) => void>();
  /** Thrown by every act when set. */
  trouble: Error | undefined;
  /** What stopping comes to. */
  onStop: () => Promise<void> = () => Promise.resolve();
  queueList: QueueView[] = [queue(), queue({ domain: 'gmail.com', provider: 'google' })];

  readonly suppression: SuppressionOperations = {
    add: async (addresses, about, act) => (this.#ask('suppress-add', addresses, about, act), addresses.length),
    remove: async (addresses, scope, act) => (this.#ask('suppress-remove', addresses, scope, act), addresses.length),
    list: async filter => {
      this.#ask('suppress-list', filter);
      return [{ address: 'a@example.org', scope: null, reason: 'manual', since: NOW, until: null, note: 'asked for it' }];
    },
    export: async function* () {
      yield 'address\n';
      yield 'a@example.org\n';
    },
    import: async (text, about, act) => {
      const pieces: string[] = [];
      for await (const piece of text) pieces.push(piece.toString());
      this.#ask('suppress-import', pieces.join(''), about, act);
      return { taken: 1, faulty: 1, faults: [{ line: 2, what: '"x" is no address' }] };
    },
  };

  async importSnds(text: AsyncIterable<Buffer | string>, act: Act) {
    const pieces: string[] = [];
    for await (const piece of text) pieces.push(piece.toString());
    this.#ask('import-snds', pieces.join(''), act);
    return { sources: ['cold-1'], known: 1, others: 0, faulty: 0, faults: [] };
  }

  #ask(name: string, ...args: unknown[]): void {
    this.asked.push({ name, args });
    if (this.trouble) throw this.trouble;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  say(line: FeedView): void {
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }

  status = (): StatusView => status();
  sources = (): SourceView[] => [source()];
  lanes = (): LaneView[] => [lane()];
  queues = (): QueueView[] => this.queueList;
  jobs = (): JobView[] => [
    { job: 'spring', waiting: 1200, queues: 3, nextDue: null, paused: 'operator:ann: wrong subject' },
    { job: 'news', waiting: 7, queues: 1, nextDue: null, paused: null },
  ];
  windows = (): WindowView[] => [window()];
  providers = () => [
    { name: 'microsoft', mx: ['*.olc.protection.outlook.com'], domains: [], rules: 3, from: 'schedules/providers/microsoft.yaml' },
  ];
  schedules = () => [
    { name: 'four-weeks', description: '28 earned days', stages: 28, tick: '0 4 * * *', timezone: 'UTC', usedBy: ['cold-1'] },
  ];
  settings = (): unknown => ({ hostName: 'mta.example.com' });
  found: DoctorView | null = null;
  doctor = (): DoctorView | null => this.found;
  tls = (): TlsView => ({ policies: [], domains: [] });
  async message(id: string): Promise<MessageView | undefined> {
    this.#ask('message', id);
    return id === message().id ? message() : undefined;
  }
  async messages(filter: { readonly queue?: string; readonly limit: number }): Promise<MessageView[]> {
    this.#ask('messages', filter);
    return [message()];
  }
  async why(target: string): Promise<WhyView> {
    this.#ask('why', target);
    return why({ name: target });
  }
  forecast(pool: string): ForecastView {
    this.#ask('forecast', pool);
    return forecast({ pool });
  }
  feed(after: number, limit: number): FeedView[] {
    return this.lines.filter(line => line.id > after).slice(0, limit);
  }
  follow(listener: (line: FeedView) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  /** Who hears the dialogue; `trouble` refuses. */
  readonly tracers = new Set<(line: TraceLine) => void>();
  async trace(target: string, hear: (line: TraceLine) => void): Promise<() => void> {
    this.#ask('trace', target);
    this.tracers.add(hear);
    return () => void this.tracers.delete(hear);
  }
  /** What memory has forgotten and the journal has not. */
  old: FeedView[] = [];
  async *journal(filter: JournalFilter, after: number): AsyncGenerator<JournalPage> {
    this.#ask('journal', filter, after);
    for (const line of [...this.old, ...this.lines]) {
      if (line.id > after) yield { through: line.id, lines: [line].filter(l => wanted(l, filter)) };
    }
  }
  async undo(id: number, act: Act): Promise<string> {
    this.#ask('undo', id, act);
    return `record ${id} is undone: cold-1 is at stage 8/28, 412/h`;
  }
  async pause(target: string, act: Act): Promise<string[]> {
    this.#ask('pause', target, act);
    return [target];
  }
  async resume(target: string, act: Act): Promise<string[]> {
    this.#ask('resume', target, act);
    return [target];
  }
  async lift(id: string, act: Act): Promise<void> {
    this.#ask('lift', id, act);
  }
  async stage(...args: Parameters<Operations['stage']>): Promise<string> {
    this.#ask('stage', ...args);
    return `${args[1]} is held at stage 8 of 28`;
  }
  async retry(target: string, act: Act): Promise<number> {
    this.#ask('retry', target, act);
    return 7;
  }
  async remove(filter: DeleteFilter, act: Act): Promise<number> {
    this.#ask('remove', filter, act);
    return 3;
  }
  async alertTest(act: Act): Promise<string[]> {
    this.#ask('alertTest', act);
    return ['hooks.example.com', 'ops@example.com'];
  }
  async reload(act: Act): Promise<{ warnings: string[] }> {
    this.#ask('reload', act);
    return { warnings: ['rampd.yaml:3:1: warning: something'] };
  }
  async stop(act: Act): Promise<void> {
    this.#ask('stop', act);
    await this.onStop();
  }
}

export const feedLine = (id: number, change: Partial<FeedView> = {}): FeedView => ({
  id,
  time: '2026-03-02T13:00:00.000Z',
  type: 'window-opened',
  source: 'cold-1',
  provider: 'microsoft',
  window: 'w17',
  author: 'rule:microsoft/ms-ip-reputation',
  text: 'cold-1/microsoft slowed to 60/h for 90m',
  ...change,
});
