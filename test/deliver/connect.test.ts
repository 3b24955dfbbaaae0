/** The dialogues of test/transcripts/deliver: every phase before MAIL FROM in which a receiver may fail. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { globMatches } from '../../src/kernel/text.js';
import { certificateOf, play } from './scripted-host.js';

const DIR = join(import.meta.dirname, '../transcripts/deliver');

describe('transcripts', () => {
  for (const file of readdirSync(DIR).sort()) {
    const text = readFileSync(join(DIR, file), 'utf8');
    describe(file.replace('.txt', ''), () => {
      for (const one of text.split(/^(?=# )/m).filter(part => part.includes('=>')))
        it.concurrent(one.split('\n')[0]?.slice(2) ?? '', async ({ expect }) => {
          const played = await play(one.trimEnd(), [certificateOf('mx1.example').cert, certificateOf('other.example').cert]);
          expect(played.left).toEqual([]);
          if (!globMatches(played.expected, played.end)) expect(played.end).toBe(played.expected);
        });
    });
  }
});
