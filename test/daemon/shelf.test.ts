/** A shelf of things that write: no two of one name at a time, whatever reloads ask for. */
import { expect, it } from 'vitest';
import { type Book, type Planned, Shelf } from '../../src/daemon/shelf.js';

interface Writer extends Book {
  readonly key: string;
}

it('what a reload takes away and the next one brings back waits until its predecessor has closed', async () => {
  const said: string[] = [];
  const ends: (() => void)[] = [];
  const shelf = new Shelf<Writer>(
    () => undefined,
    () => undefined,
  );
  const planned = (key: string): Planned<Writer> => ({
    name: 'a.csv',
    key,
    make: after => ({
      key,
      open: async () => {
        await after;
        said.push(`${key} opens`);
      },
      flush: () => Promise.resolve(),
      close: async () => {
        await new Promise<void>(resolve => ends.push(resolve));
        said.push(`${key} closed`);
      },
      waiting: 0,
      lost: 0,
      error: undefined,
    }),
  });
  const reload = async (...wanted: Planned<Writer>[]) => shelf.adopt(wanted, await shelf.open(wanted));
  await reload(planned('one'));
  await reload();
  const back = reload(planned('two'));
  await new Promise(resolve => setImmediate(resolve));
  expect(said).toEqual(['one opens']);
  ends.shift()?.();
  await back;
  expect(said).toEqual(['one opens', 'one closed', 'two opens']);
  const closing = shelf.close();
  ends.shift()?.();
  await closing;
  expect(said.at(-1)).toBe('two closed');
});
