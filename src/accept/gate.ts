/**
 * Whether anything new is taken at the moment, and the words in which it is not.
 */
import { SmtpRefusal } from './ports.js';

export interface Gate {
  /** Why nothing new is taken; null: open. */
  closed: string | null;
}

/** 451 while the gate is closed. */
export function assertOpen(gate: Gate): void {
  if (gate.closed !== null) throw new SmtpRefusal(451, '4.3.2', `Not accepting mail: ${gate.closed}`);
}
