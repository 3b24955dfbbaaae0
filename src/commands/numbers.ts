/** Numbers and times on the command line, refused with a sentence. */
import { InvalidArgumentError } from 'commander';
import { parseDuration, type Ms } from '../kernel/units.js';

/** A whole number from 1 up. */
export function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 up.');
  return Number(text);
}

/** A time such as 45m or 4d12h, in milliseconds. */
export function duration(text: string): Ms {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(`It must be ${parsed.allowed}.`);
  return parsed.value;
}
