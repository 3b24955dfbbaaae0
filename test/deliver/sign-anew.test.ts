/**
 * 8-bit mail that was signed here, on its way to receivers without 8BITMIME: what arrives is 7-bit and carries signatures that
 * hold for it, by a verifier that shares no line with the signer; what cannot be signed does not leave.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createSigner, type DkimSigner } from '../../src/accept/signer.js';
import { inFront } from '../../src/accept/signed.js';
import { signAnew } from '../../src/daemon/sign-anew.js';
import type { SignAnew } from '../../src/deliver/sign-anew.js';
import type { Envelope } from '../../src/kernel/message.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { entry, holds, ed25519Of, pemOf, RFC_SEED, rsaKey, tagsOf } from '../accept/dkim-kit.js';
import { settings } from '../accept/kit.js';
import { type Conversation, converse } from './scripted.js';

const dir = mkdtempSync(join(tmpdir(), 'rampd-anew-'));
const rsa = rsaKey();
const edwards = ed25519Of(RFC_SEED);
writeFileSync(join(dir, 's1.pem'), pemOf(rsa), { mode: 0o600 });
writeFileSync(join(dir, 'e1.pem'), pemOf(edwards), { mode: 0o600 });
const KEYS = [entry({ key: join(dir, 's1.pem') }), entry({ key: join(dir, 'e1.pem'), selector: 'e1' })];

const open: Conversation[] = [];
afterEach(() => open.splice(0).forEach(c => c.stop()));
afterAll(() => rmSync(dir, { recursive: true }));

const clock = createManualClock(Date.parse('2023-11-20T12:00:00Z'));
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
function signerWith(keys = KEYS): DkimSigner {
  const signer = createSigner({ clock, log: quiet });
  signer.prepare(settings({ dkim: keys })).apply();
  return signer;
}

const ENVELOPE: Envelope = { sender: 'a@example.com', pool: 'marketing', warmUp: 'allow', accepted: 0, client: 'test', eightBit: true };
const RECEIVED = Buffer.from('Received: from x by mta.example.com; Mon, 20 Nov 2023 12:00:00 +0000\r\n');
const FOREIGN = 'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=x; b=y\r\n';
const mail = (more = ''): Buffer =>
  Buffer.from(
    `${more}From: Ann <ann@example.com>\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße  an alle, die dies lesen \r\n`,
  );

/** As acceptance stores it. */
async function accepted(message: Buffer, signer = signerWith()): Promise<{ envelope: Envelope; content: readonly Buffer[] }> {
  const { envelope, content } = inFront(ENVELOPE, await signer.sign(ENVELOPE, [message]), [message]);
  return { envelope, content: [RECEIVED, ...content] };
}

async function sent(
  { envelope, content }: { envelope: Envelope; content: readonly Buffer[] },
  { offers = [], sign }: { offers?: readonly string[]; sign?: SignAnew | undefined },
) {
  const c = await converse({ offers, replies: ['250 ok', '250 ok', '354 go'] });
  open.push(c);
  const { answers, seen } = await c.session.send(envelope, envelope.sender, [{ address: 'b@y.example' }], content, { signAnew: sign });
  const text = c.heard[3] ?? '';
  const fields = text.match(/^DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*/gm) ?? [];
  return { answer: answers[0], seen, heard: c.heard, fields, message: fields.reduce((rest, field) => rest.replace(field, ''), text) };
}

describe('a message signed here', () => {
  it('is converted and signed anew with each key', async () => {
    const stored = await accepted(mail());
    expect(stored.envelope.signed).toBe(2);
    const { answer, fields, message, heard } = await sent(stored, { sign: signAnew(signerWith()) });
    expect(answer?.reply.code).toBe(250);
    expect(heard[0]).toBe('MAIL FROM:<a@example.com>');
    expect(message).toContain('Gr=C3=BC=C3=9Fe  an alle, die dies lesen=20\r\n');
    expect(fields.map(field => tagsOf(field).s)).toEqual(['s1', 'e1']);
    expect(holds(fields[0] ?? '', message, rsa)).toBe(true);
    expect(holds(fields[1] ?? '', message, edwards)).toBe(true);
    expect(holds(fields[0] ?? '', message.replace('alle', 'Alle'), rsa)).toBe(false);
    // The signatures it was stored with do not hold for what left.
    expect(holds(stored.content[1]?.toString() ?? '', message, rsa)).toBe(false);
  });

  it('is left as it is where 8BITMIME is offered', async () => {
    const stored = await accepted(mail());
    const refusing: SignAnew = () => Promise.reject(new Error('asked'));
    const { fields, message } = await sent(stored, { offers: ['8BITMIME'], sign: refusing });
    expect(fields.map(field => holds(field, message, tagsOf(field).s === 's1' ? rsa : edwards))).toEqual([true, true]);
    expect(fields.join('')).toBe(Buffer.concat(stored.content.slice(1, 3)).toString('latin1'));
  });

  it('is signed although its client and its pool ask for no signature by now', async () => {
    const signer = signerWith();
    const pool = settings().pools.get('marketing')!;
    signer.prepare(settings({ dkim: KEYS, pools: new Map([['marketing', { ...pool, dkimSign: false }]]) })).apply();
    expect((await sent(await accepted(mail()), { sign: signAnew(signer) })).fields).toHaveLength(2);
  });
});

describe('does not leave', () => {
  const keyless = signAnew(signerWith([entry({ domain: 'example.org', key: join(dir, 's1.pem') })]));
  it.each<[string, () => Promise<{ envelope: Envelope; content: readonly Buffer[] }>, SignAnew | undefined, RegExp]>([
    ['with a signature of others below ours', () => accepted(mail(FOREIGN)), signAnew(signerWith()), /would break its DKIM signature/],
    ['with a signature of others alone', () => accepted(mail(FOREIGN), signerWith([])), signAnew(signerWith()), /would break its DKIM/],
    ['where nobody signs', () => accepted(mail()), undefined, /would break its DKIM signature/],
    ['when its key is gone', () => accepted(mail()), keyless, /cannot be signed anew, there is no DKIM key for example\.com/],
  ])('%s: 5.6.3', async (_what, stored, sign, why) => {
    const { answer, seen, heard } = await sent(await stored(), { sign });
    expect(answer).toMatchObject({ own: { class: 'message', fate: 'bounce' }, reply: { enhanced: '5.6.3' } });
    expect(answer?.reply.text).toMatch(why);
    expect([seen, heard]).toEqual([false, []]);
  });

  it('when a part of it is signed: 5.6.3', async () => {
    const part = '--s\r\n\r\nhé\r\n--s\r\n\r\n\r\n--s--\r\n';
    const message = Buffer.from(`From: a@example.com\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n${part}`);
    const { answer } = await sent(await accepted(message), { sign: signAnew(signerWith()) });
    expect(answer?.reply).toMatchObject({ enhanced: '5.6.3', text: expect.stringMatching(/signed part/) as string });
  });

  it('while its key cannot be read, and waits', async () => {
    const broken = join(dir, 'broken');
    writeFileSync(`${broken}.example.com.pem`, 'no key');
    const sign = signAnew(signerWith([entry({ domain: '*', key: `${broken}.{domain}.pem` })]));
    const { answer, heard } = await sent(await accepted(mail()), { sign });
    expect(answer).toMatchObject({ own: { class: 'config', fate: 'defer' }, reply: { enhanced: '4.6.3' } });
    expect(heard).toEqual([]);
  });

  it('when the connection goes while it is being signed: the attempt does not count', async () => {
    const c = await converse({ replies: [] });
    open.push(c);
    const { envelope, content } = await accepted(mail());
    const slow: SignAnew = async () => {
      c.connection.close();
      await c.gone;
      return { ok: true, fields: [] };
    };
    const { answers, seen } = await c.session.send(envelope, 'a@example.com', [{ address: 'b@y.example' }], content, { signAnew: slow });
    expect({ seen, code: answers[0]?.reply.code, own: answers[0]?.own }).toEqual({ seen: false, code: 0, own: undefined });
    expect(c.session.state).toBe('closed');
  });
});
