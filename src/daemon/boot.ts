/**
 * Which boot of the machine this is: history written in the same boot can be placed exactly by the monotonic clock.
 */
import { readFileSync } from 'node:fs';

/** Linux's boot id; empty where there is none, which means "never the same boot". */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
