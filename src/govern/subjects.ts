/**
 * The mail of single sender and recipient domains, as far as windows concern it: what a window of scope `sender-domain` or
 * `recipient-domain` counts. Such windows bind at one provider, from whichever source, and never touch the lane.
 *
 * A subject is counted from the moment its window opens, hence always paced evenly; `max-smtp-out` limits its transactions
 * under way.
 */
import type { WindowState } from '../kernel/governor.js';
import type { Instant } from '../kernel/units.js';
import { Account } from './account.js';
import type { Compiler } from './compile.js';
import { type Plan, refresh } from './plan.js';
import type { Slabs } from './slab.js';
import type { WindowPlace } from './window.js';
import { placeKey } from './window-places.js';
import type { Windows } from './windows.js';

export interface Subject {
  readonly account: Account;
  readonly plan: Plan;
  /** Its windows are gone: what is still under way counts nowhere any more. */
  readonly over: boolean;
}

interface Kept {
  readonly account: Account;
  plan: Plan;
  windows: readonly WindowState[];
  over: boolean;
}

const NONE: readonly Subject[] = [];

export class Subjects {
  readonly #kept = new Map<string, Kept>();
  readonly #windows: Windows;
  readonly #compiler: Compiler;
  readonly #slabs: Slabs;

  constructor(windows: Windows, compiler: Compiler, slabs: Slabs) {
    this.#windows = windows;
    this.#compiler = compiler;
    this.#slabs = slabs;
  }

  /** What windows bind for mail of this sender's domain to this recipient's domain; usually nothing. */
  of(provider: string, senderDomain: string | undefined, recipientDomain: string | undefined, now: Instant): readonly Subject[] {
    if (this.#windows.subjects === 0) return NONE;
    const found: Subject[] = [];
    if (senderDomain) this.#add(found, { scope: 'sender-domain', provider, subject: senderDomain.toLowerCase() }, now);
    if (recipientDomain) this.#add(found, { scope: 'recipient-domain', provider, subject: recipientDomain.toLowerCase() }, now);
    return found;
  }

  /** Windows have opened or closed in this place. */
  changed(place: WindowPlace): void {
    if (this.#windows.at(place).length === 0) this.#forget(placeKey(place));
  }

  #add(found: Subject[], place: WindowPlace, now: Instant): void {
    const windows = this.#windows.at(place);
    if (windows.length === 0) return;
    const key = placeKey(place);
    let kept = this.#kept.get(key);
    if (!kept) {
      kept = { account: new Account(this.#slabs), plan: this.#compiler.subject(windows, now), windows, over: false };
      this.#kept.set(key, kept);
    }
    if (kept.windows !== windows) {
      kept.plan = this.#compiler.subject(windows, now);
      kept.windows = windows;
    }
    if (now >= kept.plan.validUntil) refresh(kept.plan, now);
    found.push(kept);
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (!kept) return;
    kept.over = true;
    kept.account.forget();
    this.#kept.delete(key);
  }
}
