/** Every check of the doctor with its passing and its failing case, against a real DNS server. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { recordText } from '../../../src/accept/dkim-record.js';
import { chosenLists, shippedLists } from '../../../src/config/block-lists.js';
import { nodeFiles, shippedFolder } from '../../../src/config/files.js';
import { renderDoctor } from '../../../src/control/render-doctor.js';
import { troubleWith } from '../../../src/daemon/doctor/dkim.js';
import { binds } from '../../../src/daemon/doctor/identity.js';
import { withAddresses } from '../../../src/daemon/doctor/spf.js';
import { makeSelfSigned } from '../../../src/rehearse/self-signed.js';
import { DAY } from '../../../src/kernel/units.js';
import { minimal } from '../../config/reading.js';
import { ADDRESS, examined, LIST, RECORD } from './ground.js';

const source = (lines: string): string => `sources: { warm: { ${lines}, warm-up: none } }`;

describe('a source that is well', () => {
  it('has nothing but ok, save for hosts nobody named', async () => {
    const { view } = await examined();
    expect(view.groups.map(({ kind, name, checks }) => ({ kind, name, checks: checks.map(c => `${c.check} ${c.state}`) }))).toEqual([
      { kind: 'source', name: 'warm', checks: ['address ok', 'helo ok', 'ptr ok', 'port unknown', 'spf ok', 'dnsbl ok'] },
      { kind: 'domain', name: 'example.com', checks: ['dkim ok', 'dmarc ok', 'alignment ok'] },
    ]);
    expect(view).toMatchObject({ state: 'ok', counts: { ok: 8, warn: 0, fail: 0, unknown: 1 }, at: '2026-11-20T12:00:00.000Z' });
  });

  it('asks every question once, for any number of sources', async () => {
    const config = minimal(
      {
        sources: `sources:
  one: { address: ${ADDRESS}, host-name: mta1.example.com, warm-up: none }
  two: { address: 8.8.4.11, host-name: mta1.example.com, warm-up: none }`,
        pools: 'pools: { main: { sources: [one, two] } }',
      },
      'dkim: [{ domain: example.com, selector: s1, key: s1.pem }]\n',
    );
    const { dns, of } = await examined({ config });
    expect([dns.queries('example.com', 'TXT'), dns.queries('2.0.0.127.bl.test'), dns.queries('mta1.example.com', 'A')]).toEqual([1, 1, 1]);
    expect(of('spf').map(({ state, publish }) => [state, publish])).toEqual([
      ['ok', undefined],
      ['fail', [`example.com. IN TXT "v=spf1 ip4:${ADDRESS} ip4:8.8.4.11 -all"`]],
    ]);
  });
});

describe('address, HELO name and PTR', () => {
  it('an address that is not on this machine', async () => {
    const { of } = await examined({ instruments: { binds: () => Promise.resolve('EADDRNOTAVAIL') } });
    expect(of('address')).toMatchObject([{ state: 'fail', mend: expect.stringContaining(`ip addr add ${ADDRESS}/32`) as string }]);
    expect([await binds('127.0.1.1'), await binds('203.0.113.1')]).toEqual([undefined, 'EADDRNOTAVAIL']);
  });

  it('a private address is not asked about outside', async () => {
    const { view, dns } = await examined({ config: minimal({ sources: source('address: 10.0.0.5, host-name: mta1.example.com') }) });
    expect(view.groups[0]?.checks.map(c => `${c.check} ${c.state}`)).toEqual(['address unknown', 'port unknown']);
    expect(dns.queries()).toBe(0);
  });

  it('a HELO name without a record, or with another address', async () => {
    const none = (await examined({ without: ['mta1.example.com'] })).of('helo');
    expect(none).toMatchObject([{ state: 'fail', publish: [`mta1.example.com. IN A ${ADDRESS}`] }]);
    const other = (await examined({ zones: { 'mta1.example.com': { a: ['8.8.4.99'] } } })).of('helo');
    expect(other).toMatchObject([{ state: 'fail', text: expect.stringContaining('leads to 8.8.4.99') as string }]);
    const dead = (await examined({ zones: { 'mta1.example.com': { fail: 'servfail' } } })).of('helo');
    expect(dead).toMatchObject([{ state: 'unknown' }]);
  });

  it('a HELO name that the Internet does not know', async () => {
    for (const name of ['mta', 'mta.local', 'ip-8-8-4-10.ec2.internal']) {
      const config = minimal({ sources: source(`address: ${ADDRESS}, host-name: ${name}`) });
      expect((await examined({ config })).of('helo')).toMatchObject([
        { state: 'fail', text: expect.stringContaining('no name') as string },
      ]);
    }
  });

  it('no PTR, another one, too many, one that cannot be known', async () => {
    const at = '10.4.8.8.in-addr.arpa';
    expect((await examined({ without: [at] })).of('ptr')).toMatchObject([{ state: 'fail', publish: [`${at}. IN PTR mta1.example.com.`] }]);
    const ptr = async (...names: string[]) =>
      (await examined({ zones: { [at]: { ptr: names }, 'other.example.com': { a: [ADDRESS] } } })).of('ptr');
    expect(await ptr('host-10.isp.example')).toMatchObject([{ state: 'fail' }]);
    expect(await ptr('other.example.com')).toMatchObject([{ state: 'warn' }]);
    expect(await ptr('mta1.example.com', 'other.example.com')).toMatchObject([{ state: 'warn' }]);
    expect((await examined({ zones: { [at]: { fail: 'refused' } } })).of('ptr')).toMatchObject([{ state: 'unknown' }]);
  });

  it('IPv6', async () => {
    const config = minimal({ sources: source('address: "2600:1::10", host-name: mta6.example.com') });
    const arpa = '0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.6.2.ip6.arpa';
    const well = await examined({ config, zones: { 'mta6.example.com': { aaaa: ['2600:1::10'] }, [arpa]: { ptr: ['mta6.example.com'] } } });
    expect([...well.of('helo'), ...well.of('ptr'), ...well.of('dnsbl')].map(c => c.state)).toEqual(['ok', 'ok']);
    expect((await examined({ config })).of('ptr')).toMatchObject([{ state: 'fail', publish: [`${arpa}. IN PTR mta6.example.com.`] }]);
  });
});

describe('SPF', () => {
  const spf = async (record: string | undefined) =>
    (await examined({ zones: { 'example.com': record === undefined ? { a: [ADDRESS] } : { txt: [record] } } })).of('spf');

  it('says the record that would let the source send', async () => {
    expect(await spf('v=spf1 mx include:other.test ~all')).toMatchObject([{ state: 'fail' }]);
    expect(await spf('v=spf1 ip4:9.9.9.9 -all')).toMatchObject([
      { state: 'fail', publish: [`example.com. IN TXT "v=spf1 ip4:9.9.9.9 ip4:${ADDRESS} -all"`] },
    ]);
    expect(await spf(undefined)).toMatchObject([{ state: 'fail', publish: [`example.com. IN TXT "v=spf1 ip4:${ADDRESS} ~all"`] }]);
    expect(await spf('v=spf1 ip4:9.9.9.9 ?all')).toMatchObject([{ state: 'warn' }]);
    expect(await spf('v=spf1 nonsense')).toMatchObject([{ state: 'fail', text: expect.stringContaining('cannot evaluate') as string }]);
    expect((await examined({ zones: { 'example.com': { fail: 'servfail' } } })).of('spf')).toMatchObject([{ state: 'unknown' }]);
  });

  it('without a sending domain there is nothing to ask about', async () => {
    const config = minimal({ sources: source(`address: ${ADDRESS}, host-name: mta1.example.com`) });
    expect((await examined({ config })).of('spf')).toMatchObject([
      { state: 'unknown', mend: expect.stringContaining('--domain') as string },
    ]);
  });

  it('what is put in passes', () => {
    expect(withAddresses('v=spf1 a redirect=x.test', ['2001:db8::1'])).toBe('v=spf1 a ip6:2001:db8::1 redirect=x.test');
    expect(withAddresses('v=spf1 a', ['192.0.2.1'])).toBe('v=spf1 a ip4:192.0.2.1');
  });
});

describe('DKIM', () => {
  const at = 's1._domainkey.example.com';
  const dkim = async (...txt: string[]) => (await examined({ zones: { [at]: { txt } } })).of('dkim')[0];

  it('is published, and is the key that signs', async () => {
    expect((await examined({ without: [at] })).of('dkim')).toMatchObject([{ state: 'fail', publish: [`${at}. IN TXT "${RECORD}"`] }]);
    const other = recordText(generateKeyPairSync('ed25519').privateKey);
    expect(await dkim(other)).toMatchObject({ state: 'fail', text: expect.stringContaining('another key') as string });
    expect(await dkim(RECORD, RECORD)).toMatchObject({ state: 'fail', text: expect.stringContaining('2 records') as string });
    expect(await dkim(`${RECORD}; t=y:s`)).toMatchObject({ state: 'warn' });
    expect(await dkim('v=DKIM1; p=')).toMatchObject({ state: 'fail', text: expect.stringContaining('revoked') as string });
    expect((await examined({ zones: { [at]: { fail: 'servfail' } } })).of('dkim')).toMatchObject([{ state: 'unknown' }]);
  });

  it('reads the file of the key', async () => {
    const failing = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    expect((await examined({ instruments: { read: failing('EACCES') } })).of('dkim')).toMatchObject([{ state: 'unknown' }]);
    expect((await examined({ instruments: { read: failing('ENOENT') } })).of('dkim')).toMatchObject([{ state: 'fail' }]);
    expect((await examined({ instruments: { read: () => Buffer.from('nothing') } })).of('dkim')).toMatchObject([{ state: 'fail' }]);
  });

  it('a domain that nothing signs for', async () => {
    expect((await examined({ domains: ['unsigned.test'] })).of('dkim')).toMatchObject([
      { state: 'warn', mend: expect.stringContaining('rampd dkim-key') as string },
    ]);
  });

  it('RSA keys in both writings', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const bare = createPublicKey(privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');
    expect(troubleWith(recordText(privateKey), privateKey)).toBeUndefined();
    expect(troubleWith(`k=rsa; p=${bare.slice(0, 40)} ${bare.slice(40)}`, privateKey)).toBeUndefined();
    expect(troubleWith(`p=${bare.slice(0, 40)}`, privateKey)?.text).toContain('another key');
    expect(troubleWith(`${recordText(privateKey)}; h=sha1`, privateKey)?.text).toContain('sha256');
    expect(troubleWith(`${recordText(privateKey)}; s=tlsrpt`, privateKey)?.text).toContain('not for mail');
    expect(troubleWith('v=DKIM1; k=ed25519; p=AAAA', privateKey)?.text).toContain('kind ed25519');
  });
});

describe('DMARC', () => {
  const dmarc = async (...txt: string[]) => (await examined({ zones: { '_dmarc.example.com': { txt } } })).of('dmarc')[0];

  it('is there, and sound', async () => {
    expect((await examined({ without: ['_dmarc.example.com'] })).of('dmarc')).toMatchObject([
      { state: 'fail', publish: [expect.stringContaining('_dmarc.example.com. IN TXT "v=DMARC1; p=none') as string] },
    ]);
    expect(await dmarc('v=DMARC1; p=none')).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('nobody gets reports') as string,
    });
    expect(await dmarc('v=DMARC1; rua=mailto:a@b.test')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('no policy') as string,
    });
    expect(await dmarc('v=DMARC1; p=block')).toMatchObject({ state: 'fail' });
    expect(await dmarc('v=DMARC1; p=none; rua=mailto:a@b.test', 'v=DMARC1; p=reject')).toMatchObject({ state: 'fail' });
    expect(await dmarc('v=DMARC1; p=none; rua=postmaster; adkim=x; foo=1')).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/foo= is no tag.*rua=postmaster.*adkim=x/) as string,
    });
    expect((await examined({ zones: { '_dmarc.example.com': { fail: 'servfail' } } })).of('dmarc')).toMatchObject([{ state: 'unknown' }]);
  });

  it('of a parent, with its policy for names below', async () => {
    const zones = { '_dmarc.example.com': { txt: ['v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com'] } };
    const { of } = await examined({ zones, domains: ['news.example.com'] });
    expect(of('dmarc')).toMatchObject([{ state: 'ok', text: 'p=quarantine, from example.com' }]);
    // Signed by the parent: aligned while the record does not ask for the very name.
    expect(of('alignment')).toMatchObject([{ state: 'ok' }]);
    const strict = { '_dmarc.example.com': { txt: ['v=DMARC1; p=reject; adkim=s; rua=mailto:d@example.com'] } };
    expect((await examined({ zones: strict, domains: ['news.example.com'] })).of('alignment')).toMatchObject([{ state: 'warn' }]);
  });

  it('reverse paths elsewhere are asked about and must be aligned', async () => {
    const config = minimal(
      { sources: source(`address: ${ADDRESS}, host-name: mta1.example.com`), pools: 'pools: { main: { sources: [warm], verp: true } }' },
      'feedback: { bounce-domains: [bounces.other.test] }\n',
    );
    const { of } = await examined({ config, domains: ['example.com'] });
    expect(of('alignment')).toMatchObject([{ state: 'fail', text: expect.stringContaining('bounces.other.test: not aligned') as string }]);
    expect(of('spf').map(c => [c.about, c.state])).toEqual([
      ['example.com', 'ok'],
      ['bounces.other.test', 'fail'],
    ]);
  });
});

describe('block lists', () => {
  const entry = `10.4.8.8.${LIST.zone}`;
  const dnsbl = async (zones: Parameters<typeof examined>[0] = {}) => (await examined(zones)).of('dnsbl')[0];

  it('listed, with what it means and where to go', async () => {
    expect(await dnsbl({ zones: { [entry]: { a: ['127.0.0.4'] } } })).toMatchObject({
      about: 'Test List',
      state: 'fail',
      text: `${ADDRESS} is listed (an open relay): mail is refused`,
      mend: expect.stringContaining('https://bl.test/remove') as string,
    });
  });

  it.each([
    ['refuses this resolver', { [entry]: { a: ['127.255.255.254'] } }],
    ['refuses its test entry', { '2.0.0.127.bl.test': { a: ['127.255.255.252'] } }],
    ['lists everything', { '*.bl.test': { a: ['127.0.0.2'] }, '1.0.0.127.bl.test': { a: ['127.0.0.2'] } }],
    ['is answered by a resolver that invents', { '2.0.0.127.bl.test': { a: ['198.51.100.1'] } }],
    ['does not answer', { [entry]: { fail: 'servfail' as const } }],
  ])('unknown when the list %s', async (_what, zones) => {
    expect(await dnsbl({ zones })).toMatchObject({ state: 'unknown' });
  });

  it('unknown when the list does not know its test entry', async () => {
    expect(await dnsbl({ without: ['2.0.0.127.bl.test'] })).toMatchObject({
      state: 'unknown',
      text: expect.stringContaining('test entry') as string,
    });
  });

  it('those that are shipped can be read; the configuration chooses', () => {
    const { lists, faults } = shippedLists(nodeFiles('/'), shippedFolder());
    expect(faults).toEqual([]);
    expect(lists.length).toBeGreaterThan(5);
    expect(lists.every(({ delist }) => delist?.startsWith('https://'))).toBe(true);
    expect(chosenLists(lists, [])).toEqual([]);
    expect(chosenLists(lists, ['zen.spamhaus.org', 'bl.own.test']).map(({ name }) => name)).toEqual(['Spamhaus ZEN', 'bl.own.test']);
  });
});

describe('port 25', () => {
  const probed = async (play: (socket: net.Socket) => void, more: readonly { host: string; port: number }[] = []) => {
    let from: string | undefined;
    const server = net.createServer(socket => {
      from = socket.remoteAddress;
      socket.on('error', () => undefined);
      play(socket);
    });
    await new Promise<void>(done => server.listen(0, '127.0.2.9', done));
    const { port } = server.address() as net.AddressInfo;
    const config = minimal({ sources: source('address: 127.0.1.9, host-name: mta1.example.com') }, 'allow-private: true\n');
    const { of } = await examined({ config, probes: [{ host: 'mx.test', port }, ...more], zones: { 'mx.test': { a: ['127.0.2.9'] } } });
    await new Promise<void>(done => server.close(() => done()));
    return { from, port: of('port'), open: port };
  };
  const speaking =
    (...replies: string[]) =>
    (socket: net.Socket): void => {
      socket.write(replies.shift() ?? '');
      socket.on('data', () => socket.write(replies.shift() ?? ''));
    };

  it('answers, with STARTTLS, to the address of the source', async () => {
    const { from, port } = await probed(speaking('220 mx.test ESMTP\r\n', '250-mx.test\r\n250-SIZE\r\n250 STARTTLS\r\n'));
    expect(port).toMatchObject([{ state: 'ok', text: '"220 mx.test ESMTP", STARTTLS offered' }]);
    expect(from).toBe('127.0.1.9');
  });

  it('without STARTTLS, refusing, hanging up, or with nobody there', async () => {
    expect((await probed(speaking('220 mx.test\r\n', '250 mx.test\r\n'))).port).toMatchObject([{ state: 'warn' }]);
    expect((await probed(speaking('554 5.7.1 go \u001b[31m away\r\n'))).port).toMatchObject([
      { state: 'fail', text: expect.stringContaining('go  [31m away') as string },
    ]);
    expect((await probed(socket => void socket.end())).port).toMatchObject([
      { state: 'fail', text: expect.stringContaining('hung up') as string },
    ]);
    const nobody = { host: '127.0.2.9', port: 1 };
    const well = speaking('220 mx.test\r\n', '250 STARTTLS\r\n');
    expect((await probed(well, [nobody])).port.map(c => c.state)).toEqual(['ok', 'warn']);
    expect(
      (await examined({ config: minimal({ sources: source('address: 127.0.1.9') }, 'allow-private: true\n'), probes: [nobody] })).of(
        'port',
      ),
    ).toMatchObject([{ state: 'fail', text: expect.stringContaining('ECONNREFUSED') as string }]);
    expect((await examined({ probes: [{ host: '::1', port: 25 }] })).of('port')).toMatchObject([{ state: 'unknown' }]);
  });
});

describe('certificates of listeners', () => {
  const certified = async (madeAt: number, name = 'mta.example.com') => {
    const config = minimal({ listeners: 'listeners: [{ address: "127.0.0.1:2525", tls: { cert: c.pem, key: k.pem } }]' });
    const { cert } = makeSelfSigned(name, madeAt);
    return (await examined({ config, instruments: { read: () => Buffer.from(cert), wall: WALL } })).of('certificate')[0];
  };
  const WALL = Date.parse('2026-11-20T12:00:00Z');
  // Valid until ten years of 365 days after it was made.
  const ends = (at: number): number => at - 3650 * DAY;

  it('valid, near its end, over, of another name, none', async () => {
    expect(await certified(WALL)).toMatchObject({ state: 'ok' });
    expect(await certified(ends(WALL + 10 * DAY))).toMatchObject({ state: 'warn', text: expect.stringContaining('in 10 days') as string });
    expect(await certified(ends(WALL + 15 * DAY))).toMatchObject({ state: 'ok' });
    expect(await certified(ends(WALL - DAY))).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('ended on 2026-11-19') as string,
    });
    expect(await certified(WALL, 'other.test')).toMatchObject({ state: 'warn' });
    const broken = minimal({ listeners: 'listeners: [{ address: "127.0.0.1:2525", tls: { cert: c.pem, key: k.pem } }]' });
    const { of } = await examined({ config: broken, instruments: { read: () => Buffer.from('nothing') } });
    expect(of('certificate')).toMatchObject([{ state: 'fail' }]);
  });
});

describe('the doctor', () => {
  it('ends in time when nobody answers, and says so', async () => {
    const mute = { 'example.com': { fail: 'silent' as const }, '_dmarc.example.com': { fail: 'silent' as const } };
    const { of, view } = await examined({ zones: mute, instruments: { patience: 50 } });
    expect([...of('spf'), ...of('dmarc')].map(c => c.state)).toEqual(['unknown', 'unknown']);
    expect(of('spf')[0]?.text).toMatch(/in time/);
    expect(view.state).toBe('ok');
  });

  it('prints a table, records to copy whole, and nothing that moves a cursor', async () => {
    const { view } = await examined({
      zones: { '_dmarc.example.com': { txt: ['v=DMARC1; p=none; rua=\u001b]0;x\u0007'] } },
      without: ['10.4.8.8.in-addr.arpa'],
    });
    const text = renderDoctor(view, { width: 80 });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(text).toContain(`source  warm  ${ADDRESS}  mta1.example.com\n`);
    expect(text).toContain('10.4.8.8.in-addr.arpa. IN PTR mta1.example.com.\n');
    expect(text.split('\n').at(-2)).toMatch(/^\d+ ok, 1 warn, 1 fail, 1 unknown: receivers will hold this against the mail$/);
    expect(JSON.stringify(view)).not.toContain('\\u001b');
  });
});
