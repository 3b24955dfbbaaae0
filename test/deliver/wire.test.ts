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
const faults = fc.constantFrom('\r', '\n', '\n.', '\r.\r', '\n.\n');
const sound = fc.array(pieces, { maxLength: 60 }).map(parts => Buffer.from(parts.join('')));
const any = fc.array(fc.oneof(pieces, faults), { maxLength: 60 }).map(parts => Buffer.from(parts.join('')));
const cuts = fc.array(fc.nat(200), { maxLength: 4 });
const MOST = 10_000;

/** The content in pieces, empty ones among them. */
function cut(content: Buffer, at: readonly number[]): Buffer[] {
  const ends = [0, ...at.map(n => Math.min(n, content.length)).sort((a, b) => a - b), content.length];
  return ends.slice(1).map((end, i) => content.subarray(ends[i], end));
}

describe('a body on the wire', () => {
  it('is what nodemailer makes of it, when its lines are sound', async () => {
    await fc.assert(
      fc.asyncProperty(sound, cuts, async (content, at) => {
        const ours = onWire(cut(content, at), MOST);
        expect(ours?.toString('latin1')).toBe(await through(stream => stream.end(content)));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves nodemailer the same, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(any, cuts, async (content, at) => {
        const body = new Body(cut(content, at));
        expect(await through(stream => void body.pipe(stream))).toBe(await through(stream => stream.end(content)));
        expect(body).toMatchObject({ started: true, sent: true });
      }),
      { numRuns: 500 },
    );
  });

  it.each(['a\nb', 'a\rb', 'a\r', '\n', 'a\r\n\n.\r\n', 'a\r\n.\r.\r\n'])('is not our business when its lines are not: %j', text => {
    expect(onWire([Buffer.from(text)], MOST)).toBeUndefined();
  });

  it('hides no end of data: nothing of the content ends it', () => {
    expect(onWire([Buffer.from('.\r\n.\r\n..\r\n')], MOST)?.toString()).toBe('..\r\n..\r\n...\r\n.\r\n');
    expect(onWire([], MOST)?.toString()).toBe('\r\n.\r\n');
  });

  it('is not put together when it is long', () => {
    const parts = [Buffer.from('a\r\n'), Buffer.from('b\r\n')];
    expect(onWire(parts, 6)?.toString()).toBe('a\r\nb\r\n.\r\n');
    expect(onWire(parts, 5)).toBeUndefined();
  });
});
