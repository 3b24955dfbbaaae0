/**
 * What the control API may ask about the suppression list. Throws Refusal for what cannot be on it.
 */
import type { Act } from './operations.js';
import type { SuppressionImportView, SuppressionView } from './suppression-view.js';

export interface SuppressionFilter {
  /** Glob on the address. */
  readonly match?: string;
  /** A sender domain, or '' for entries that hold for all. */
  readonly scope?: string;
  readonly limit: number;
}

export interface SuppressionOperations {
  /** `expireAfter`: milliseconds; undefined: until somebody removes it. Returns how many entries were written. */
  add(addresses: readonly string[], about: { readonly scope: string; readonly expireAfter?: number }, act: Act): Promise<number>;
  /** Returns how many there were. */
  remove(addresses: readonly string[], scope: string, act: Act): Promise<number>;
  /** In the order of scope and address; all of the list may be read for it, a piece a turn. */
  list(filter: SuppressionFilter): Promise<SuppressionView[]>;
  /** The list as CSV, in pieces. */
  export(): AsyncIterable<string>;
  /** Takes text in pieces as it comes; what was committed stays when it breaks off. */
  import(text: AsyncIterable<Buffer | string>, about: { readonly scope: string }, act: Act): Promise<SuppressionImportView>;
}
