/** What follows DATA, beside nodemailer's own stream. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Transform } from 'node:stream';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Body } from '../../src/deliver/transaction.js';
import { onWire } from '../../src/deliver/wire.js';

const esm = join(dirname(createRequire(import.meta.url).resolve('nodemailer')), '../esm/smtp-connection/data-stream.js');
const { default: DataStream } = (await import(pathToFileURL(esm).href)) as { default: new () => Transform };

async function through(write: (stream: Transform) => void): Promise<string> {
  const stream = new DataStream();
  write(stream);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

const pieces = fc.constantFrom('\r\n', '\r\n.', '.', '..', '\r\n.\r\n', 'x', 'ab.', `${'y'.repeat(30)}\r\n`, '\x00', 'é');
const sound = fc.array(pieces, { maxLength: 60 }).map(parts => Buffer.from(parts.join('')));
const any = fc
  .array(fc.oneof(pieces, fc.constantFrom('\r', '\n', '\n.', '\r.\r', '\n.\n')), { maxLength: 60 })
  .map(p => Buffer.from(p.join('')));

describe('a body on the wire', () => {
  it('is what nodemailer makes of it, when its lines are sound', async () => {
    await fc.assert(
      fc.asyncProperty(sound, async content => {
        const ours = onWire(content);
        expect(ours?.toString('latin1')).toBe(await through(stream => stream.end(content)));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves nodemailer the same, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(any, async content => {
        const body = new Body(content);
        expect(await through(stream => void body.pipe(stream))).toBe(await through(stream => stream.end(content)));
        expect(body).toMatchObject({ started: true, sent: true });
      }),
      { numRuns: 500 },
    );
  });

  it.each(['a\nb', 'a\rb', 'a\r', '\n', 'a\r\n\n.\r\n', 'a\r\n.\r.\r\n'])('is not our business when its lines are not: %j', text => {
    expect(onWire(Buffer.from(text))).toBeUndefined();
  });

  it('hides no end of data: nothing of the content ends it', () => {
    expect(onWire(Buffer.from('.\r\n.\r\n..\r\n'))?.toString()).toBe('..\r\n..\r\n...\r\n.\r\n');
    expect(onWire(Buffer.alloc(0))?.toString()).toBe('\r\n.\r\n');
  });
});
