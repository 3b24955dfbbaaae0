/** A daemon for the UI's tests: answers, hangs, goes away, refuses, as told. */
import type { FeedView, StatusView } from '../../src/control/view.js';
import type { Feedable } from '../../src/tui/backend.js';
import type { Deed } from '../../src/tui/model.js';
import { fullFeed, fullStatus } from './fixture.js';

export class FakeBackend implements Feedable {
  asked = 0;
  readonly followedAfter: number[] = [];
  readonly deeds: Deed[] = [];
  away: string | undefined;
  refusal: string | undefined;
  /** Answers wait for release(). */
  hanging = false;
  state: StatusView = fullStatus();
  lines: FeedView[] = [...fullFeed];
  #release: () => void = () => undefined;
  #end: () => void = () => undefined;
  #listener: (line: FeedView) => void = () => undefined;

  async status(): Promise<StatusView> {
    this.asked++;
    if (this.hanging) await new Promise<void>(resolve => (this.#release = resolve));
    if (this.away !== undefined) throw new Error(this.away);
    return this.state;
  }

  release(): void {
    this.hanging = false;
    this.#release();
  }

  async follow(after: number, listener: (line: FeedView) => void, signal: AbortSignal): Promise<void> {
    this.followedAfter.push(after);
    if (this.away !== undefined) throw new Error(this.away);
    for (const line of this.lines) if (line.id > after) listener(line);
    this.#listener = listener;
    await new Promise<void>(resolve => {
      this.#end = resolve;
      signal.addEventListener('abort', () => resolve());
    });
  }

  happens(line: FeedView): void {
    this.lines.push(line);
    this.#listener(line);
  }

  /** The daemon ends. */
  leave(text: string): void {
    this.away = text;
    this.#end();
  }

  async act(deed: Deed): Promise<string> {
    this.deeds.push(deed);
    if (this.refusal !== undefined) throw new Error(this.refusal);
    return `${deed.verb} is done`;
  }
}
