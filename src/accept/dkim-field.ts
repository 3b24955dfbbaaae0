/**
 * The DKIM-Signature field (RFC 6376 §3.5): its tags, folded to lines of at most 78 columns (RFC 5322 §2.1.1) wherever a tag
 * may be folded. b= stands last, so that it can be filled in without touching what was signed. Pure.
 */
import type { DkimKey } from '../kernel/settings.js';
import type { Algorithm } from './dkim-signature.js';

const WIDTH = 78;

export interface Tags {
  readonly algorithm: Algorithm;
  readonly key: Pick<DkimKey, 'selector' | 'canonicalization' | 'identity' | 'expire'>;
  /** d=, with which the identity's `{domain}` is filled. */
  readonly domain: string;
  /** Wall clock, ms. */
  readonly now: number;
  readonly names: readonly string[];
  readonly bodyHash: string;
}

/** The field with an empty b=, without CRLF. */
export function unsignedField({ algorithm, key, domain, now, names, bodyHash }: Tags): string {
  const { header, body } = key.canonicalization;
  const signed = Math.floor(now / 1_000);
  const lines = new Lines('DKIM-Signature: v=1;');
  lines.word(`a=${algorithm};`);
  lines.word(`c=${header}/${body};`);
  lines.word(`d=${domain};`);
  lines.word(`s=${key.selector};`);
  if (key.identity !== undefined) lines.word(`i=${key.identity.replace('{domain}', domain)};`);
  lines.word(`t=${signed};`);
  if (key.expire !== undefined) lines.word(`x=${Math.floor((now + key.expire) / 1_000)};`);
  names.forEach((name, i) => {
    const text = i === names.length - 1 ? `${name};` : `${name}:`;
    // Between a name and its colon white space may stand, so a line may end behind any colon.
    if (i === 0) lines.word(`h=${text}`);
    else lines.glue(text);
  });
  lines.word(`bh=${bodyHash};`);
  return `${lines.text}\r\n\tb=`;
}

/** The whole field with its CRLF. */
export function signedField(unsigned: string, signature: string): string {
  // Behind the tab and `b=` fewer fit into the first line than behind a tab alone.
  const first = signature.slice(0, WIDTH - 3);
  const rest = signature.slice(WIDTH - 3).match(new RegExp(`.{1,${WIDTH - 1}}`, 'g')) ?? [];
  const out = [unsigned + first, ...rest].join('\r\n\t');
  return `${out}\r\n`;
}

class Lines {
  text: string;
  #column: number;

  constructor(start: string) {
    this.text = start;
    this.#column = start.length;
  }

  /** With a blank before it, or on a line of its own. */
  word(word: string): void {
    this.#add(' ', word);
  }

  /** Directly behind what stands, or on a line of its own. */
  glue(word: string): void {
    this.#add('', word);
  }

  #add(between: string, word: string): void {
    if (this.#column + between.length + word.length > WIDTH) {
      this.text += `\r\n\t${word}`;
      this.#column = 1 + word.length;
    } else {
      this.text += between + word;
      this.#column += between.length + word.length;
    }
  }
}
