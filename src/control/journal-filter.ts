/**
 * Which lines of the journal somebody asked for. Pure; the daemon and a command that reads the files alone share it.
 */
import { globMatches } from '../kernel/text.js';
import type { JournalFilter } from './operations.js';
import type { FeedView } from './view.js';

/** A line that names no source or provider matches no pattern for one. */
export function wanted(line: FeedView, { since, type, source, provider }: JournalFilter): boolean {
  if (since !== undefined && Date.parse(line.time) < since) return false;
  if (type !== undefined && !globMatches(type, line.type)) return false;
  if (source !== undefined && (line.source === undefined || !globMatches(source, line.source))) return false;
  return provider === undefined || (line.provider !== undefined && globMatches(provider, line.provider));
}
