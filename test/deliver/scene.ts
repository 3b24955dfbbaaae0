/**
 * The daemon in this process, on a clock that only the test moves, and receivers that answer each line as the test says.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Daemon, startDaemon } from '../../src/daemon.js';
import type { StatusView } from '../../src/control/view.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';
import { Client, idOf, type Injected } from '../e2e/inject.js';

const START = Date.UTC(2026, 2, 2, 5);

/** '' answers nothing, undefined as a receiver that takes everything; `hang up` behind a reply closes. */
export type Answers = (line: string, socket: net.Socket) => string | undefined;

export class Host {
  readonly heard: string[] = [];
  /** As they followed DATA. */
  readonly bodies: string[] = [];
  /** Connections made so far, open now, and at most at a time. */
  made = 0;
  open = 0;
  most = 0;
  answers: Answers;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(answers: Answers) {
    this.answers = answers;
    this.#server = net.createServer(socket => this.#talk(socket));
  }

  async listen(address = '127.0.2.1'): Promise<this> {
    await new Promise<void>(done => this.#server.listen(0, address, done));
    return this;
  }

  /** As `smtp-hosts` names it. */
  get name(): string {
    const { address, port } = this.#server.address() as net.AddressInfo;
    return `${address}:${port}`;
  }

  count(verb: string): number {
    return this.heard.filter(line => line.startsWith(verb)).length;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #talk(socket: net.Socket): void {
    this.made++;
    this.most = Math.max(this.most, ++this.open);
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    let counted = true;
    const over = (): void => {
      if (counted) this.open--;
      counted = false;
    };
    socket.on('finish', over);
    socket.on('close', () => {
      over();
      this.#sockets.delete(socket);
    });
    let rest = '';
    let inBody = false;
    let recipients = 0;
    const say = (line: string): void => {
      const own = this.answers(line, socket);
      const data = recipients > 0 ? '354 go' : '503 5.5.1 no recipients';
      const said = own ?? (line === 'DATA' ? data : line.startsWith('EHLO') ? '250-mx\r\n250 PIPELINING' : '250 ok');
      if (line.startsWith('MAIL')) recipients = 0;
      if (line.startsWith('RCPT') && said.startsWith('2')) recipients++;
      if (said !== '' && socket.writable) socket.write(`${said}\r\n`);
      if (line === 'DATA' && said.startsWith('354')) inBody = true;
      if (line === 'QUIT' && own === undefined) socket.end();
    };
    socket.write('220 mx ESMTP\r\n');
    socket.on('data', chunk => {
      rest += chunk.toString('latin1');
      for (;;) {
        const end = rest.indexOf(inBody ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = rest.slice(0, end);
        rest = rest.slice(end + (inBody ? 5 : 2));
        if (inBody) {
          inBody = false;
          this.bodies.push(text);
          say('.');
        } else {
          this.heard.push(text);
          say(text);
        }
      }
    });
  }
}

export class Scene {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-scene-'));
  readonly clock: ManualClock = createManualClock(START);
  /** What the log has of level error and above. */
  readonly errors: string[] = [];
  readonly #hosts: Host[] = [];
  #daemon: Daemon | undefined;

  async host(answers: Answers = () => undefined, address?: string): Promise<Host> {
    const host = await new Host(answers).listen(address);
    this.#hosts.push(host);
    return host;
  }

  /** `config`: rampd.yaml but for its head. */
  configure(config: string): void {
    writeFileSync(
      join(this.dir, 'rampd.yaml'),
      `host-name: mta.test.example
state-dir: state
allow-private: true
listeners: [{ address: "127.0.0.1:0" }]
log: { level: error }
${config}`,
    );
  }

  async start(config: string): Promise<this> {
    this.configure(config);
    const { dir: cwd, clock, errors } = this;
    const log = pino({ level: 'error' }, { write: line => void errors.push(line) });
    this.#daemon = await startDaemon({ settingsFile: 'rampd.yaml', cwd, debug: false, clock, virtual: true, log, random: () => 0.5 });
    return this;
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error('not started');
    return this.#daemon;
  }

  status(): StatusView {
    return this.daemon.operations.status();
  }

  /** Ids, a message each. */
  async send(...messages: readonly Injected[]): Promise<string[]> {
    const client = await Client.open(this.daemon.listeners[0]?.port ?? 0);
    const ids: string[] = [];
    try {
      for (const message of messages) ids.push(idOf(await client.send(message)));
    } finally {
      client.close();
    }
    return ids;
  }

  journal(): JournalRecord[] {
    return readFileSync(join(this.dir, 'state/journal.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as JournalRecord);
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop('test');
    for (const host of this.#hosts) host.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
