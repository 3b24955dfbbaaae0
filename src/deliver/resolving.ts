/**
 * Routes being looked up for queues whose head is due: a bounded number at a time, the others in the order in which they came.
 */
import type { Clock } from '../kernel/clock.js';
import { MINUTE } from '../kernel/units.js';
import type { Route, Router } from '../route/router.js';
import type { Waiting } from './waiting.js';

/** Domains looked up at once. */
const MOST = 64;
/** After a lookup that failed by a bug. */
const AGAIN = 5 * MINUTE;

export class Resolving {
  readonly #router: Pick<Router, 'resolve'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #found: (waiting: Waiting, route: Route) => void;
  readonly #next: Waiting[] = [];
  #looking = 0;

  constructor(router: Pick<Router, 'resolve'>, clock: Pick<Clock, 'now'>, found: (waiting: Waiting, route: Route) => void) {
    this.#router = router;
    this.#clock = clock;
    this.#found = found;
  }

  look(waiting: Waiting): void {
    this.#next.push(waiting);
    this.#lookNext();
  }

  #lookNext(): void {
    while (this.#looking < MOST) {
      const waiting = this.#next.shift();
      if (!waiting) return;
      this.#looking++;
      void this.#router.resolve(waiting.queue.domain).then(
        route => this.#ended(waiting, route),
        (error: Error) => this.#ended(waiting, { kind: 'temporary', text: error.message, retryAt: this.#clock.now() + AGAIN }),
      );
    }
  }

  #ended(waiting: Waiting, route: Route): void {
    this.#looking--;
    this.#found(waiting, route);
    this.#lookNext();
  }
}
