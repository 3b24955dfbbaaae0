/** The section `dkim:` and the word `dkim-sign`: what is read, and what is named with its place. */
import { describe, expect, it } from 'vitest';
import { lines, loadAlone, minimal, settingsOf } from './reading.js';

const read = (section: string, more: Readonly<Record<string, string>> = {}) => loadAlone(minimal(more, section));
const keys = (...entries: string[]): string => `dkim:\n${entries.map(entry => `  - ${entry}\n`).join('')}`;

describe('dkim', () => {
  it('is read, with what is usual where nothing is said', () => {
    const text = keys(
      '{ domain: Example.com, selector: s1, key: keys/s1.pem }',
      '{ domain: "*.example.org", selector: e1.news, key: "/k/{domain}/{selector}.pem", identity: "@{domain}", expire: 10d, canonicalization: relaxed/simple, headers: [Subject, X-Mine, subject] }',
    );
    const from = (line: number) => ({ file: 'rampd.yaml', line, col: 5 });
    expect(settingsOf(read(text)).dkim).toEqual([
      {
        domain: 'example.com',
        selector: 's1',
        key: 'keys/s1.pem',
        canonicalization: { header: 'relaxed', body: 'relaxed' },
        from: from(8),
      },
      {
        domain: '*.example.org',
        selector: 'e1.news',
        key: '/k/{domain}/{selector}.pem',
        headers: ['subject', 'x-mine'],
        identity: '@{domain}',
        expire: 864_000_000,
        canonicalization: { header: 'relaxed', body: 'simple' },
        from: from(9),
      },
    ]);
  });

  it.each([
    ['{ domain: example.com, selector: s1 }', '8:5', 'key is missing from item 1'],
    ['{ domain: "*.*.example.com", selector: s1, key: a }', '8:15', 'domain cannot be "*.*.example.com"'],
    ['{ domain: example.com., selector: s1, key: a }', '8:15', 'leave off the dot at the end'],
    ['{ domain: example.com, selector: "a/b", key: a }', '8:38', 'letters, digits and hyphens'],
    ['{ domain: example.com, selector: s1, key: "{name}.pem" }', '8:47', '{name} is neither'],
    ['{ domain: example.com, selector: s1, key: a, headers: [Received] }', '8:60', 'fields that do not change on the way'],
    ['{ domain: example.com, selector: s1, key: a, headers: ["a;b"] }', '8:60', 'a name such as Subject'],
    ['{ domain: example.com, selector: s1, key: a, identity: "@example.org" }', '8:60', 'is not within example.com'],
    ['{ domain: "*", selector: s1, key: a, identity: "@example.org" }', '8:52', '@{domain}, since each domain signs for itself'],
    ['{ domain: example.com, selector: s1, key: a, canonicalization: loose/loose }', '8:68', 'relaxed/relaxed, relaxed/simple'],
    ['{ domain: example.com, selector: s1, key: a, domain-key: x }', '8:50', 'is no key of a key under dkim'],
  ])('%s', (entry, place, sentence) => {
    const { faults } = read(keys(entry));
    expect(lines(faults)).toEqual([expect.stringContaining(`rampd.yaml:${place}: `)]);
    expect(lines(faults)[0]).toContain(sentence);
  });

  it('has two keys for a domain at most, each with a selector of its own', () => {
    const key = (selector: string) => `{ domain: example.com, selector: ${selector}, key: a }`;
    expect(lines(read(keys(key('a'), key('b'))).faults)).toEqual([]);
    expect(lines(read(keys(key('a'), key('a'))).faults)).toEqual(['rampd.yaml:9:5: example.com has a key with the selector a already']);
    expect(lines(read(keys(key('a'), key('b'), key('c'))).faults)).toEqual([
      'rampd.yaml:10:5: example.com has 2 keys already: a, b; allowed: 2 signatures on a message',
    ]);
  });

  it('warns of signatures that expire while the mail waits', () => {
    const key = (expire: string) => keys(`{ domain: example.com, selector: s1, key: a, expire: ${expire} }`);
    expect(lines(read(key('4d')).warnings)).toEqual([
      expect.stringMatching(/^rampd\.yaml:8:58: warning: signatures of example\.com expire before/),
    ]);
    expect(lines(read(key('5d')).warnings)).toEqual([]);
    expect(lines(read(`${key('2d')}defaults: { bounce-after: 1d }\n`).warnings)).toEqual([]);
  });
});

describe('dkim-sign', () => {
  const clients = (word: string) => ({ clients: `clients: [{ from: 127.0.0.0/8, pool: main, dkim-sign: ${word} }]` });

  it.each([
    ['true', true],
    ['false', false],
    ['required', 'required'],
  ])('%s', (word, value) => {
    const section = keys('{ domain: example.com, selector: s1, key: a }');
    expect(settingsOf(read(section, clients(word))).clients[0]?.dkimSign).toBe(value);
    const pools = { pools: `pools: { main: { sources: [warm], dkim-sign: ${word} } }` };
    expect(settingsOf(read(section, pools)).pools.get('main')?.dkimSign).toBe(value);
  });

  it('is one of three words', () => {
    expect(lines(read('', clients('yes')).faults)).toEqual([
      'rampd.yaml:4:55: dkim-sign cannot be "yes"; allowed: true, false or required; write true',
    ]);
  });

  it('required without a key is warned of', () => {
    expect(lines(read('', clients('required')).warnings)).toEqual([
      'rampd.yaml:4:11: warning: dkim-sign: required, and there are no keys under dkim: all this mail is refused',
    ]);
  });
});
