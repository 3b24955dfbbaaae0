/**
 * A receiver that runs as one program in the foreground: a folder of its own, a beginning and an end that are alike whatever
 * its make. What a make is told (its configuration) and how it dies under a client are its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kept, type Kept } from './maildir.js';
import { ended, type ReceiverOptions, up } from './receiving.js';
import { serving } from './serving.js';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Beside those of the test. */
  readonly env?: Readonly<Record<string, string>>;
}

export abstract class Running<Options extends ReceiverOptions = ReceiverOptions> {
  readonly dir: string;
  protected abstract readonly command: Command;
  /** Below `dir`. */
  protected readonly logFile: string = 'output';
  #process: ChildProcess | undefined;

  protected constructor(
    make: string,
    readonly options: Options,
  ) {
    this.dir = mkdtempSync(join(tmpdir(), `rampd-${make}-`));
    // Its programs drop root and must pass through.
    chmodSync(this.dir, 0o755);
  }

  /** Starts it; resolves when it answers. */
  async begin(): Promise<this> {
    const { program, args, env } = this.command;
    const output = openSync(this.at('output'), 'a');
    // A group of its own: ended by a signal to one, Postfix ends its group.
    this.#process = spawn(program, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env }, detached: true });
    closeSync(output);
    try {
      await up(this.options, this.#process, () => `${readFileSync(this.at('output'), 'utf8')}\n${this.log}`);
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this;
  }

  async stop(): Promise<void> {
    await ended(this.#process);
    // What it had started may be writing its last.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10 });
  }

  /** What it logged so far. */
  get log(): string {
    const file = this.at(this.logFile);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  get kept(): Kept[] {
    return kept(this.at('mail'));
  }

  at(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Kills the process that speaks with this client, as an operator or a lack of memory would. */
  kill(client: string): void {
    process.kill(serving(this.options, client), 'SIGKILL');
  }

  /** To be called when the client has said DATA: the process that speaks with it dies when part of the message has come. */
  abstract dieInTheMiddle(client: string): Promise<void>;

  /** After a death: resolves when it takes mail again. Where each client has a process of its own the others never noticed. */
  async recover(): Promise<void> {}

  /** Waits for its own end, and starts it again. */
  protected async again(): Promise<void> {
    const child = this.#process;
    if (child && child.exitCode === null && child.signalCode === null) await new Promise(done => child.once('exit', done));
    await this.begin();
  }
}
