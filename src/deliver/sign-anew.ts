/**
 * A message that carried our signatures and was converted: it gets new ones, over the form in which it leaves.
 *
 * It leaves signed or not at all: where it cannot be signed for now it waits, where nobody has a key any more it fails as a
 * message that cannot be converted.
 */
import type { Envelope } from '../kernel/message.js';
import { type Fitted, unconverted } from './fit.js';

/** Signs `content` as if it had just been handed in: the fields to put in front of it, or why there are none. Never rejects. */
export type SignAnew = (
  envelope: Envelope,
  content: readonly Buffer[],
) => Promise<
  | { readonly ok: true; readonly fields: readonly Buffer[] }
  /** `temporary`: trying again later may help. */
  | { readonly ok: false; readonly why: string; readonly temporary: boolean }
>;

export async function signedAnew(fitted: Fitted & { readonly ok: true }, envelope: Envelope, sign: SignAnew | undefined): Promise<Fitted> {
  if (!sign) return unconverted('that would break its DKIM signature');
  const signed = await sign(envelope, fitted.content);
  if (!signed.ok) return unconverted(`it cannot be signed anew, ${signed.why}`, signed.temporary);
  return { ok: true, content: [...signed.fields, ...fitted.content], eightBit: fitted.eightBit, utf8: fitted.utf8 };
}
