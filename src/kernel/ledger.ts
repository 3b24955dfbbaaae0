/**
 * Records of the ledger log: what survives kill -9 so that no sliding hour ever exceeds its cap.
 *
 * One `writeSync` per turn carries all reservations of that turn, before their MAIL FROM. `answer` starts the 3,600 s for
 * which the slots stay used; `refund` gives slots back that no provider ever saw. A reservation with neither counts as
 * unfinished: used until 3,600 s after the restart.
 */
import type { Instant } from './units.js';

export type LedgerRecord =
  | {
      readonly kind: 'reserve';
      readonly permit: number;
      /** Source address: progress and history belong to the address. */
      readonly address: string;
      readonly provider: string;
      readonly slots: number;
      readonly at: Instant;
    }
  | { readonly kind: 'answer'; readonly permit: number; readonly at: Instant }
  | { readonly kind: 'refund'; readonly permit: number; readonly at: Instant };

/** How the process before this one ended; decides what unfinished business is charged. */
export type LastEnd = 'clean' | 'killed' | 'power-cut';
