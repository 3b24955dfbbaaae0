/**
 * How a check says what it found: one line of the doctor's table. Pure.
 *
 * Everything said goes through printable() here, since half of it quotes the DNS or other hosts.
 */
import type { CheckState, CheckView } from '../../control/doctor-view.js';
import { printable } from '../../kernel/text.js';

export interface Advice {
  readonly about?: string | undefined;
  readonly mend?: string | undefined;
  readonly publish?: readonly string[] | undefined;
}

const TEXT_MOST = 400;

export function check(name: string, state: CheckState, text: string, { about, mend, publish }: Advice = {}): CheckView {
  return {
    check: name,
    ...(about !== undefined && { about: printable(about, TEXT_MOST) }),
    state,
    text: printable(text, TEXT_MOST),
    ...(mend !== undefined && { mend: printable(mend, TEXT_MOST) }),
    ...(publish !== undefined &&
      publish.length > 0 && {
        publish: publish.map(line =>
          line.replace(/^( *)(.*)$/s, (_all, indent: string, rest: string) => indent + printable(rest, Infinity)),
        ),
      }),
  };
}

/** `a, b and 3 more`. */
export function few(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
