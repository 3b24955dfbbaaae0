/**
 * What a terminal sent, as keys. Pure.
 *
 * Ink hands over whatever arrived at once: several characters typed fast, or a pasted line with its line end, are taken one by
 * one. Terminals send DEL for backspace, which Ink calls delete; both are backspace here.
 */
import type { Key as InkKey } from 'ink';

export type Key =
  | {
      readonly name:
        'up' | 'down' | 'left' | 'right' | 'pageup' | 'pagedown' | 'home' | 'end' | 'enter' | 'escape' | 'backspace' | 'interrupt';
    }
  | { readonly name: 'char'; readonly char: string };

type Pressed = Partial<InkKey>;

const NAMED: readonly (readonly [keyof InkKey, Exclude<Key, { readonly name: 'char' }>['name']])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
];

export function keysOf(input: string, pressed: Pressed): Key[] {
  if (pressed.ctrl) return input === 'c' ? [{ name: 'interrupt' }] : [];
  const named = NAMED.find(([flag]) => pressed[flag]);
  if (named) return [{ name: named[1] }];
  if (pressed.meta || pressed.tab) return [];
  return [...input].flatMap((char): Key[] => {
    if (char === '\r' || char === '\n') return [{ name: 'enter' }];
    if (char === '\u007f' || char === '\b') return [{ name: 'backspace' }];
    if (char === '\u0003') return [{ name: 'interrupt' }];
    return /[\p{C}]/u.test(char) ? [] : [{ name: 'char', char }];
  });
}
