/**
 * The suppression list at work: who is refused or ended by it, and what outcomes put on it.
 *
 * Only a hard bounce of the mailbox itself and a complaint put an address on the list (never what concerns the sending
 * address). An entry a person made is never replaced by one that ends sooner.
 */
import { readSuppressed } from '../accept/suppressed.js';
import type { End } from '../deliver/ports.js';
import type { Clock } from '../kernel/clock.js';
import type { ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import { scopeOfSender, SUPPRESSION_CAUSES, type SideRow, type Suppression, type SuppressionCause } from '../kernel/suppression.js';
import { printable } from '../kernel/text.js';
import { suppressionRow } from '../spool/suppression-rows.js';
import type { Store } from '../spool/store.js';

/** What concerns the sending address, a sender or a provider says nothing about the mailbox. */
const OF_THE_MAILBOX: ReadonlySet<ReplyMatch['scope']> = new Set<ReplyMatch['scope']>(['recipient', 'recipient-domain', 'connection']);

export interface SuppressionParts {
  readonly clock: Clock;
  readonly store: () => Pick<Store, 'suppression'> | undefined;
  readonly settings: () => Settings;
}

export class SuppressionList {
  readonly #parts: SuppressionParts;

  constructor(parts: SuppressionParts) {
    this.#parts = parts;
  }

  /** Why mail is to be refused at the door. */
  refused(address: string, sender: string): Suppression | undefined {
    return this.#parts.settings().suppression?.at === 'refuse' ? this.#find(address, sender) : undefined;
  }

  /** Why mail that was accepted is not to be tried. */
  ended(address: string, sender: string): Suppression | undefined {
    const at = this.#parts.settings().suppression?.at;
    return at === undefined || at === 'off' ? undefined : this.#find(address, sender);
  }

  /** The entries that outcomes make. */
  afterOutcomes(ends: readonly End[]): SideRow[] {
    return ends.flatMap(({ row, match, conclusion: { fate, class: cls } }) => {
      if (fate !== 'bounced' || !OF_THE_MAILBOX.has(match.scope)) return [];
      const cause = SUPPRESSION_CAUSES.find(c => c === cls);
      return cause === undefined ? [] : this.entry(row.state.address, row.sender, cause, match.reply.line);
    });
  }

  /** The entry that a cause makes, if it is to make one. */
  entry(recipient: string, sender: string, cause: SuppressionCause, note: string): SideRow[] {
    const { clock, store, settings } = this.#parts;
    const { suppression } = settings();
    const address = readSuppressed(recipient);
    if (!suppression?.on.includes(cause) || address === undefined) return [];
    const scope = suppression.scope === 'global' ? '' : scopeOfSender(sender);
    // A notice of ours has no sender domain, and one that bounces says nothing to all senders.
    if (scope === '' && suppression.scope !== 'global') return [];
    const now = clock.now();
    const until = suppression.expireAfter === Infinity ? undefined : now + suppression.expireAfter;
    const there = store()?.suppression.get(scope, address, now);
    if (there && (there.until ?? Infinity) >= (until ?? Infinity)) return [];
    return [
      suppressionRow({ address, scope, reason: cause, since: now, ...(until === undefined ? {} : { until }), note: printable(note, 160) }),
    ];
  }

  #find(address: string, sender: string): Suppression | undefined {
    return this.#parts.store()?.suppression.find(address, sender, this.#parts.clock.now());
  }
}
