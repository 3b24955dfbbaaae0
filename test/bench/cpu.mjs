/** What a process has used, from /proc: CPU time and memory that is its own. Linux; elsewhere NaN. */
import { readFileSync } from 'node:fs';

/** Microseconds of a clock tick of /proc (USER_HZ is 100 on every Linux). */
const TICK = 10_000;

function ticks(file) {
  try {
    // Behind the command's name, which may hold anything: utime and stime are the 12th and 13th (proc(5)).
    const fields = readFileSync(file, 'latin1').split(') ').at(-1).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  } catch {
    return NaN;
  }
}

/** Microseconds used since the start: by all threads, and by the one that runs the event loop. */
export const cpuOf = pid => ({ all: ticks(`/proc/${pid}/stat`), loop: ticks(`/proc/${pid}/task/${pid}/stat`) });

/** Megabytes of anonymous memory: not files, not the database's map. */
export function memoryOf(pid) {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1_024;
  } catch {
    return NaN;
  }
}
