/** `control: { http: … }`: what it may say, and that nobody's token travels in the clear unawares. */
import { describe, expect, it } from 'vitest';
import { settingsView } from '../../src/control/settings-view.js';
import { loadAlone, minimal, settingsOf } from './reading.js';

const HASH = `scrypt:${'a'.repeat(22)}:${'b'.repeat(43)}`;
const read = (http: string) => loadAlone(minimal({}, `control: { http: { ${http} } }\n`));
const token = (more: string) => `{ token: "${HASH}", ${more} }`;
const LOCAL = 'address: "127.0.0.1:8080"';

describe('control over HTTP', () => {
  it('is read', () => {
    const tokens = `tokens: [${token('name: app1, pool: main, allow-headers: true, warm-up: never')}, ${token('name: ops, role: operator')}, "${HASH}"]`;
    const { http } = settingsOf(read(`${LOCAL}, tls: { cert: c.pem, key: /k.pem }, allow: [10.0.0.0/8], ${tokens}`)).control;
    expect(http).toMatchObject({
      address: '127.0.0.1',
      port: 8080,
      tls: { cert: 'c.pem', key: '/k.pem' },
      allow: ['10.0.0.0/8'],
      tokens: [
        { name: 'app1', token: HASH, role: 'inject', client: { from: [], pool: 'main', allowHeaders: true, warmUp: 'never' } },
        { name: 'ops', token: HASH, role: 'operator' },
        { name: 'token-3', token: HASH, role: 'read' },
      ],
    });
    expect(http?.tokens[1]).not.toHaveProperty('client');
  });

  it('is heard from this machine alone unless said, and its tokens are shown to nobody', () => {
    const settings = settingsOf(read(`${LOCAL}, tokens: ["${HASH}"]`));
    expect(settings.control.http?.allow).toEqual(['127.0.0.0/8', '::1/128']);
    expect(settings.control.http).not.toHaveProperty('tls');
    expect(JSON.stringify(settingsView(settings))).not.toContain('scrypt');
    expect(settingsOf(loadAlone(minimal())).control.http).toBeUndefined();
  });

  it.each([
    [`${LOCAL}, tokens: [${token('name: a')}]`, 'token a hands mail in and has no pool'],
    [`${LOCAL}, tokens: [${token('name: a, role: read, pool: main')}]`, 'token a only reads, and has a pool'],
    [`${LOCAL}, tokens: [${token('name: a, role: read, allow-headers: true')}]`, 'token a has no pool, and says'],
    [`${LOCAL}, tokens: [${token('name: a, pool: mian')}]`, 'did you mean main?'],
    [`${LOCAL}, tokens: [${token('name: a, role: read')}, ${token('name: a, role: read')}]`, 'two tokens are called a'],
    [`${LOCAL}, tokens: ["secret"]`, 'item 1 of tokens cannot be "secret"'],
    [`${LOCAL}, tokens: [{ token: secret, name: a, role: read }]`, 'rampd token makes a token'],
    [`${LOCAL}, tokens: [${token('name: a, rule: read')}]`, 'rule is no key of a token; did you mean role?'],
    [`tokens: ["${HASH}"]`, 'address is missing'],
    [LOCAL, 'tokens is missing'],
    [`${LOCAL}, tls: { cert: c.pem }, tokens: ["${HASH}"]`, 'key is missing'],
    [`address: "192.0.2.1:8080", tokens: ["${HASH}"]`, 'would show tokens and mail to the network'],
    [`address: "0.0.0.0:8080", tokens: ["${HASH}"]`, 'would show tokens and mail to the network'],
  ])('refuses %s', (text, what) => {
    const { faults, settings } = read(text);
    expect(settings).toBeUndefined();
    expect(faults.map(f => `${f.what}; ${f.hint ?? ''}`).join('\n')).toContain(what);
    for (const fault of faults) expect(fault.place.line).toBe(7);
  });

  it('goes in the clear where somebody says so, with a warning', () => {
    const { warnings, settings } = read(`address: "192.0.2.1:8080", tls: none, tokens: ["${HASH}"]`);
    expect(settings).toBeDefined();
    expect(warnings.map(w => w.code)).toContain('plain-http');
  });
});
