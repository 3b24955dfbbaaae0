/** Text that comes in pieces reaches stdout whole. */
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { outputText } from '../../src/commands/input-file.js';

it('has its characters wherever the pieces part them, and waits for who reads slowly', async () => {
  const text = 'a@b.example,,manual,,,"asked …"\nÜ@b.example,,manual,,,€\n'.repeat(20);
  let out = '';
  let most = 0;
  const stdout = new Writable({
    highWaterMark: 8,
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      out += piece;
      most = Math.max(most, stdout.writableLength);
      setImmediate(done);
    },
  });
  const pieces = async function* () {
    for (const byte of Buffer.from(text)) yield Buffer.from([byte]);
  };
  await outputText(pieces(), { out: piece => void stdout.write(piece), stdout: stdout as unknown as NodeJS.WriteStream });
  await new Promise<void>(ended => stdout.end(ended));
  expect(out).toBe(text);
  expect(most).toBeLessThan(20);
});
