/**
 * A change of settings in two steps: what may fail is done first, then all is changed in one turn, or nothing is.
 */
import type { Settings } from '../kernel/settings.js';

/** New settings, opened and not in force yet: one of the two is called. */
export interface Turn {
  adopt(): void;
  drop(): Promise<void>;
}

/** All of them, or none. */
export async function prepared(parts: readonly { prepare(next: Settings): Promise<Turn> }[], next: Settings): Promise<Turn> {
  const turns: Turn[] = [];
  const drop = async (): Promise<void> => {
    for (const turn of turns) await turn.drop();
  };
  try {
    for (const part of parts) turns.push(await part.prepare(next));
  } catch (error) {
    await drop();
    throw error;
  }
  return { adopt: () => turns.forEach(turn => turn.adopt()), drop };
}
