/**
 * What a receiver kept in a maildir: Exim and OpenSMTPD write one file for each recipient.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Kept {
  /** From the field that the receiver put on top; lower-case. */
  readonly recipient: string;
  /** As written: lines end with LF, the receiver's own fields are on top. */
  readonly content: Buffer;
}

export function kept(maildir: string): Kept[] {
  const folder = join(maildir, 'new');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map(name => {
    const content = readFileSync(join(folder, name));
    const field = /^(?:Envelope-to|Delivered-To): *<?([^>\n]*)/im.exec(content.toString('utf8'))?.[1] ?? '';
    return { recipient: field.toLowerCase(), content };
  });
}
