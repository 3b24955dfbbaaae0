/**
 * What this process uses, for metrics.
 */
import { cpuUsage, memoryUsage } from 'node:process';
import type { ProcessFigures } from '../control/metrics.js';

export function processFigures(): ProcessFigures {
  const { rss, heapUsed } = memoryUsage();
  const { user, system } = cpuUsage();
  return { resident: rss, heap: heapUsed, cpu: (user + system) / 1e6 };
}
