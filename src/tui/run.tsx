/**
 * Runs the UI on a terminal until a person leaves it, the terminal goes, or `signal` aborts.
 *
 * Promises: the terminal is given back as it was, also when the process exits in the middle; a terminal that has gone ends the
 * UI quietly. Ink reads keys and renders the components; its frames go through the painter, which alone writes.
 */
import { EventEmitter } from 'node:events';
import { render } from 'ink';
import type { Ms } from '../kernel/units.js';
import type { Feedable } from './backend.js';
import { startModel, type Model, type Size } from './model.js';
import { Painter } from './painter.js';
import { App, type Store } from './screen.js';
import { startSession } from './session.js';
import { update, type Message } from './update.js';

export interface TopOptions {
  readonly backend: Feedable;
  /** Both must be terminals, see cannotDraw. */
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** Stands beside the name, such as `lab, 1440 times faster`. */
  readonly title?: string;
  /** Real milliseconds between an answer and the next question; default a second. */
  readonly every?: Ms;
  /** Default true. */
  readonly colours?: boolean;
  /** IANA zone of times of day; default the system's. */
  readonly zone?: string;
  /** Ends the UI from outside. */
  readonly signal?: AbortSignal;
}

/** What Ink takes for its terminal: each write is a whole frame, its cursor games never reach the real one. */
class FrameSink extends EventEmitter {
  readonly #paint: (frame: string) => void;
  readonly #size: () => Size;
  readonly isTTY = false;
  readonly writable = true;

  constructor(paint: (frame: string) => void, size: () => Size) {
    super();
    this.#paint = paint;
    this.#size = size;
  }

  get columns(): number {
    return this.#size().columns;
  }

  get rows(): number {
    return this.#size().rows;
  }

  write(frame: string): boolean {
    this.#paint(frame);
    return true;
  }
}

const sizeOf = (stdout: NodeJS.WriteStream): Size => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });

export async function runTop(options: TopOptions): Promise<void> {
  const { stdin, stdout, backend, signal } = options;
  let model: Model = startModel(sizeOf(stdout), options);
  const listeners = new Set<() => void>();
  const store: Store = {
    get: () => model,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const painter = new Painter(stdout);
  let leave: (error?: Error) => void = () => undefined;
  const left = new Promise<void>((resolve, reject) => {
    leave = error => (error ? reject(error) : resolve());
  });

  const tell = (message: Message): void => {
    const step = update(model, message);
    if (message.type === 'resize') painter.clear();
    model = step.model;
    for (const listener of [...listeners]) listener();
    for (const intent of step.intents) {
      if (intent.type === 'quit') leave();
      else session.perform(intent.deed);
    }
  };
  const session = startSession({ backend, every: options.every ?? 1_000, now: () => performance.now(), say: tell });

  const resized = (): void => tell({ type: 'resize', size: sizeOf(stdout) });
  const lost = (): void => {
    painter.gone();
    leave();
  };
  const ended = (): void => leave();
  const close = (): void => painter.close();
  stdout.on('resize', resized);
  stdout.on('error', lost);
  stdin.on('end', ended);
  stdin.on('close', ended);
  process.once('exit', close);
  signal?.addEventListener('abort', ended);
  if (signal?.aborted) leave();

  painter.open();
  const sink = new FrameSink(
    frame => painter.paint(frame),
    () => model.size,
  );
  // debug: Ink writes every frame whole and leaves the cursor alone, which is what the painter needs.
  const instance = render(<App store={store} onKey={key => tell({ type: 'key', key })} />, {
    stdout: sink as unknown as NodeJS.WriteStream,
    stdin,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  });
  // A component that throws ends Ink, and the UI with its error.
  instance.waitUntilExit().then(
    () => leave(),
    (error: unknown) => leave(error instanceof Error ? error : new Error(String(error))),
  );
  try {
    await left;
  } finally {
    session.stop();
    painter.close();
    instance.unmount();
    instance.cleanup();
    stdout.off('resize', resized);
    stdout.off('error', lost);
    stdin.off('end', ended);
    stdin.off('close', ended);
    process.off('exit', close);
    signal?.removeEventListener('abort', ended);
  }
}
