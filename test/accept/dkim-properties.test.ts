/**
 * Any message with a From field is signed so that a verifier of another make agrees; a signed byte that changes, a body byte that
 * is added, a sealed field that is added: each breaks it.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fieldsOf, USUAL_FIELDS } from '../../src/accept/dkim-header.js';
import { createSigner } from '../../src/accept/signer.js';
import type { DkimKey } from '../../src/kernel/settings.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { ed25519Of, entry, holds, pemOf, RFC_SEED, rsaKey, slowBody, tagsOf } from './dkim-kit.js';
import { settings, START } from './kit.js';

const dir = mkdtempSync(join(tmpdir(), 'rampd-dkim-'));
afterAll(() => rmSync(dir, { recursive: true }));
const rsa = rsaKey(1024);
const edwards = ed25519Of(RFC_SEED);
writeFileSync(join(dir, 'rsa.pem'), pemOf(rsa), { mode: 0o600 });
writeFileSync(join(dir, 'ed.pem'), pemOf(edwards), { mode: 0o600 });

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function signed(message: string, more: Partial<DkimKey>, cuts: readonly number[] = []): Promise<string[]> {
  const signer = createSigner({ clock: createManualClock(START), log: quiet });
  const keys = [entry({ key: join(dir, 'rsa.pem'), ...more }), entry({ key: join(dir, 'ed.pem'), selector: 'e1', ...more })];
  signer.prepare(settings({ dkim: keys })).apply();
  const bytes = Buffer.from(message, 'latin1');
  const at = [0, ...cuts.map(c => c % bytes.length).sort((a, b) => a - b), bytes.length];
  const content = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
  const before = Buffer.concat(content).toString('latin1');
  const fields = await signer.sign({ sender: 'a@example.com', pool: 'marketing' }, content);
  expect(Buffer.concat(content).toString('latin1')).toBe(before);
  return fields.map(field => field.toString('latin1'));
}

const value = fc
  .array(fc.constantFrom('word', ' ', '  ', '\t', 'caf\u00c3\u00a9', '\r\n ', '\r\n\t', ':', ';', '=', 'x'.repeat(70)), { maxLength: 8 })
  .map(words => ` v${words.join('')}`);
const name = fc.constantFrom(
  'To',
  'Subject',
  'SUBJECT',
  'X-Other',
  'Received',
  'List-Unsubscribe',
  'Reply-To',
  'Cc',
  'Content-Type',
  'date',
);
const header = fc.array(
  fc.tuple(name, value).map(([n, v]) => `${n}:${v}\r\n`),
  { maxLength: 8 },
);
const body = fc
  .array(fc.constantFrom('text', ' ', '\t', '\r\n', '\r\n\r\n', '\u00ff', 'long '.repeat(300)), { maxLength: 20 })
  .map(parts => parts.join(''));
const form = fc.constantFrom('relaxed' as const, 'simple' as const);
const message = fc
  .tuple(header, header, body)
  .map(([above, below, text]) => `${above.join('')}From: a@example.com\r\n${below.join('')}\r\n${text}`);

describe('a signature', () => {
  it('holds for another verifier, whatever the message, the forms and the cuts', async () => {
    await fc.assert(
      fc.asyncProperty(message, form, form, fc.array(fc.nat(), { maxLength: 4 }), async (text, header, body, cuts) => {
        const fields = await signed(text, { canonicalization: { header, body } }, cuts);
        expect(fields).toHaveLength(2);
        expect(holds(fields[0] ?? '', text, rsa)).toBe(true);
        expect(holds(fields[1] ?? '', text, edwards)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('breaks when a signed field is added or a byte of the body', async () => {
    const added = fc.constantFrom('From', 'To', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'Cc', 'MIME-Version', 'Content-Type');
    await fc.assert(
      fc.asyncProperty(message, added, body, async (text, more, tail) => {
        const [field = ''] = await signed(text, {});
        expect(holds(field, `${more}: other\r\n${text}`, rsa)).toBe(false);
        const longer = `${text}${tail}!`;
        const same =
          slowBody(longer.slice(longer.indexOf('\r\n\r\n') + 4), 'relaxed') ===
          slowBody(text.slice(text.indexOf('\r\n\r\n') + 4), 'relaxed');
        expect(holds(field, longer, rsa)).toBe(same);
      }),
      { numRuns: 100 },
    );
  });

  it('is folded to 78 columns, and every tag is there', async () => {
    const names = USUAL_FIELDS.map(n => `${n}: x\r\n`.repeat(n === 'from' ? 0 : 2)).join('');
    for (const more of [{}, { expire: 86_400_000, identity: 'news@mail.{domain}', domain: '*.example.com' }]) {
      const fields = await signed(`From: a@a.example.com\r\n${names}\r\nbody`, { domain: 'a.example.com', ...more });
      for (const field of fields) {
        expect(field.endsWith('\r\n')).toBe(true);
        for (const line of field.slice(0, -2).split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
        for (const line of field.slice(0, -2).split('\r\n').slice(1)) expect(line).toMatch(/^\t\S/);
        expect(tagsOf(field)).toMatchObject({
          v: '1',
          d: 'a.example.com',
          t: '1700481600',
          ...('expire' in more && { x: '1700568000', i: 'news@mail.a.example.com' }),
        });
      }
    }
  });

  it('covers the fields that are asked for, and From in any case', async () => {
    const text = 'From: a@example.com\r\nX-Mine: 1\r\nSubject: s\r\n\r\nbody\r\n';
    const [field = ''] = await signed(text, { headers: ['x-mine', 'to'] });
    expect(tagsOf(field).h).toBe('from:from:x-mine:to');
    expect(holds(field, text, rsa)).toBe(true);
    expect(holds(field, text.replace('Subject: s', 'Subject: t'), rsa)).toBe(true);
    expect(holds(field, text.replace('X-Mine: 1', 'X-Mine: 2'), rsa)).toBe(false);
  });
});

describe('the fields of a header', () => {
  it('are all of it, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ':', ' ', '\t', '\r\n', '\r', '\n', '\u00ff'), maxLength: 60 }), text => {
        const fields = fieldsOf(text);
        for (const field of fields) expect(text).toContain(field.text);
        expect(fields.reduce((sum, field) => sum + field.text.length, 0)).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
