import { describe, expect, it } from 'vitest';
import { keysOf } from '../../src/tui/keys.js';

const names = (input: string, pressed: Parameters<typeof keysOf>[1] = {}) =>
  keysOf(input, pressed).map(key => (key.name === 'char' ? key.char : key.name));

describe('keys', () => {
  it('have names', () => {
    expect(names('', { upArrow: true })).toEqual(['up']);
    expect(names('\r', { return: true })).toEqual(['enter']);
    expect(names('', { escape: true, meta: true })).toEqual(['escape']);
    expect(names('', { delete: true })).toEqual(['backspace']);
    expect(names('', { backspace: true })).toEqual(['backspace']);
    expect(names('c', { ctrl: true })).toEqual(['interrupt']);
    expect(names('x', { ctrl: true })).toEqual([]);
    expect(names('p', { meta: true })).toEqual([]);
  });

  it('that come together are taken one by one', () => {
    expect(names('/cold\rjj')).toEqual(['/', 'c', 'o', 'l', 'd', 'enter', 'j', 'j']);
    expect(names('a\u007f\u0003')).toEqual(['a', 'backspace', 'interrupt']);
  });

  it('never hand on a control character', () => {
    expect(names('a\u0000\u001b\u009b\u202eb')).toEqual(['a', 'b']);
  });
});
