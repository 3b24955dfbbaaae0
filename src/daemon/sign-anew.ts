/**
 * The signer as delivery uses it: for mail that was signed when it was taken, whatever its client and its pool say by now.
 */
import { type Signer, Unsignable } from '../accept/signer.js';
import type { SignAnew } from '../deliver/sign-anew.js';

export function signAnew(signer: Signer): SignAnew {
  return async (envelope, content) => {
    try {
      return { ok: true, fields: await signer.sign(envelope, content, { dkimSign: 'required' }) };
    } catch (error) {
      const { message } = error as Error;
      return { ok: false, why: message, temporary: !(error instanceof Unsignable) || error.temporary };
    }
  };
}
