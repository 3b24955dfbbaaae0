/**
 * Whose mail a delete concerns, in words: `in queue outlook.com@marketing, older than 2d`. Pure.
 */
import { printDuration } from '../kernel/units.js';
import type { DeleteFilter } from './operations.js';

export function filterText(filter: DeleteFilter): string {
  return [
    ...(filter.queue === undefined ? [] : [`in queue ${filter.queue}`]),
    ...(filter.from === undefined ? [] : [`from ${filter.from || '<>'}`]),
    ...(filter.rcpt === undefined ? [] : [`to ${filter.rcpt}`]),
    ...(filter.job === undefined ? [] : [`of job ${filter.job}`]),
    ...(filter.olderThan === undefined ? [] : [`older than ${printDuration(filter.olderThan)}`]),
    ...(filter.message === undefined ? [] : [`of message ${filter.message}`]),
  ].join(', ');
}
