/**
 * A fault is something a person must mend: a stable code, where it stands, what is allowed, how to mend it.
 *
 * Faults are values, collected and reported together; FaultError carries them across a boundary. A bug is not a fault:
 * it throws an ordinary Error.
 */

export interface Place {
  /** Path as the user wrote it, or as it is found in the package (schedules/providers/google.yaml). */
  readonly file: string;
  /** 1-based; 0 when a whole file is meant. */
  readonly line: number;
  readonly col: number;
}

export interface Fault {
  /** Stable, kebab-case: unknown-key, bad-rate, missing-warm-up … */
  readonly code: string;
  readonly place: Place;
  /** What is wrong, one clause. */
  readonly what: string;
  readonly allowed?: string;
  readonly hint?: string;
  /** A warning is printed by `check` and does not stop a start or a reload. */
  readonly severity?: 'fault' | 'warning';
}

/** `rampd.yaml:7:3` */
export function printPlace(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.col}`;
}

/** `file:line:col: what; allowed: …; hint` */
export function printFault(fault: Fault): string {
  let text = `${printPlace(fault.place)}: ${fault.severity === 'warning' ? 'warning: ' : ''}${fault.what}`;
  if (fault.allowed) text += `; allowed: ${fault.allowed}`;
  if (fault.hint) text += `; ${fault.hint}`;
  return text;
}

export class FaultError extends Error {
  constructor(readonly faults: readonly Fault[]) {
    super(faults.map(printFault).join('\n'));
    this.name = 'FaultError';
  }
}
