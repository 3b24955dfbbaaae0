/**
 * One question and its reply as DNS messages (RFC 1035), for a resolver that validates (RFC 4035). Pure.
 *
 * The AD bit of a question asks for the AD bit of the reply (RFC 6840 section 5.7); DO says the same to resolvers that want it
 * said so. A reply counts only when it repeats the question's number and its name letter by letter: the name's case is drawn
 * at random, which a forger must guess. Never throws, whatever the bytes.
 */
import dnsPacket, { type Answer } from 'dns-packet';
import { bareName } from '../kernel/text.js';
import type { TlsaRecord } from '../kernel/tls.js';
import { DAY, MINUTE, SECOND, type Ms } from '../kernel/units.js';
import type { DnsAnswer, MxAnswer } from './dns.js';

export interface RecordTypes {
  MX: MxAnswer;
  A: string;
  AAAA: string;
  TXT: string;
  PTR: string;
  TLSA: TlsaRecord;
}

export type RecordType = keyof RecordTypes;

export interface Question<K extends RecordType = RecordType> {
  /** 16 bits, drawn at random. */
  readonly id: number;
  /** As written on the wire: the case of its letters is part of the question. */
  readonly name: string;
  readonly type: K;
}

export type ReplyRead<K extends RecordType> =
  /** No reply to this question, or none that can be read. */
  | { readonly kind: 'foreign' }
  /** It is to be asked again by TCP: cut short, or the name came back in another case. */
  | { readonly kind: 'again' }
  | { readonly kind: 'answer'; readonly answer: DnsAnswer<RecordTypes[K]> };

/** What UDP carries everywhere without fragments (DNS flag day 2020). */
const UDP_SIZE = 1_232;
const ALIASES_MOST = 12;
/** RFC 2308 section 5: how long "there is none" holds at most, and when no SOA says. */
const NEGATIVE_MOST = DAY;
const NEGATIVE_DEFAULT = 5 * MINUTE;
const NOERROR = 0;
const NXDOMAIN = 3;
const RCODE_NAMES: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 4: 'NOTIMP', 5: 'REFUSED' };

export function encodeQuestion({ id, name, type }: Question): Buffer {
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ name, type, class: 'IN' }],
    additionals: [{ name: '.', type: 'OPT', udpPayloadSize: UDP_SIZE, flags: dnsPacket.DNSSEC_OK, options: [] }],
  });
}

/** The name with the case of each letter by a bit of `dice`. */
export function mixCase(name: string, dice: Uint8Array): string {
  return [...name.toLowerCase()].map((c, i) => (((dice[i >> 3] ?? 0) >> (i & 7)) & 1 ? c.toUpperCase() : c)).join('');
}

/** `udp`: truncation and a name in another case are reasons to ask by TCP. */
export function readReply<K extends RecordType>(bytes: Buffer, question: Question<K>, udp: boolean): ReplyRead<K> {
  let packet: ReturnType<typeof dnsPacket.decode>;
  try {
    packet = dnsPacket.decode(bytes);
  } catch {
    return { kind: 'foreign' };
  }
  const asked = packet.questions[0];
  const flags = packet.flags ?? 0;
  if (packet.type !== 'response' || packet.id !== question.id || packet.questions.length !== 1 || !asked) return { kind: 'foreign' };
  if (asked.type !== question.type || asked.name.toLowerCase() !== question.name.toLowerCase()) return { kind: 'foreign' };
  if (udp && (asked.name !== question.name || (flags & dnsPacket.TRUNCATED_RESPONSE) !== 0)) return { kind: 'again' };
  const secure = (flags & dnsPacket.AUTHENTIC_DATA) !== 0;
  const rcode = flags & 0xf;
  if (rcode !== NOERROR && rcode !== NXDOMAIN)
    return { kind: 'answer', answer: { kind: 'failed', text: `the name server answered ${RCODE_NAMES[rcode] ?? `code ${rcode}`}` } };
  const { records, ttl, aliasOf } = collect(packet.answers ?? [], question);
  if (rcode === NOERROR && records.length > 0)
    return { kind: 'answer', answer: { kind: 'found', records, ttl, secure, ...(aliasOf !== undefined && { aliasOf }) } };
  const kind = rcode === NXDOMAIN ? 'no-domain' : 'no-data';
  return { kind: 'answer', answer: { kind, ttl: negativeTtl(packet.authorities ?? []), secure } };
}

/** Records of the type at the end of the chain of aliases; the shortest TTL on the way. */
function collect<K extends RecordType>(
  answers: readonly Answer[],
  { name, type }: Question<K>,
): { records: RecordTypes[K][]; ttl: Ms; aliasOf?: string } {
  const first = bareName(name);
  let owner = first;
  let ttl = DAY;
  const seconds = (a: Answer): void => void (ttl = Math.min(ttl, (a.ttl ?? 0) * SECOND));
  for (let depth = 0; depth < ALIASES_MOST; depth++) {
    const alias = answers.find(a => a.type === 'CNAME' && bareName(a.name) === owner);
    if (!alias || typeof alias.data !== 'string') break;
    owner = bareName(alias.data);
    seconds(alias);
  }
  const records = answers.flatMap(a => {
    const record = a.type === type && bareName(a.name) === owner ? readRecord(type, a.data) : undefined;
    if (record === undefined) return [];
    seconds(a);
    return [record];
  });
  return { records, ttl, ...(owner !== first && { aliasOf: owner }) };
}

function readRecord<K extends RecordType>(type: K, data: unknown): RecordTypes[K] | undefined {
  return READERS[type](data as never);
}

/** dns-packet's data of each type → ours. */
const READERS: { readonly [K in RecordType]: (data: never) => RecordTypes[K] | undefined } = {
  A: (data: string) => data,
  AAAA: (data: string) => data,
  PTR: (data: string) => data.replace(/\.$/, ''),
  MX: ({ preference, exchange }: { preference?: number; exchange: string }) => ({
    preference: preference ?? 0,
    exchange: bareName(exchange),
  }),
  TXT: (data: Buffer | Buffer[]) => Buffer.concat([data].flat()).toString('utf8'),
  TLSA: ({
    usage,
    selector,
    matchingType,
    certificate,
  }: {
    usage: number;
    selector: number;
    matchingType: number;
    certificate: Buffer;
  }) => ({
    usage,
    selector,
    matching: matchingType,
    data: Buffer.from(certificate),
  }),
};

function negativeTtl(authorities: readonly Answer[]): Ms {
  const soa = authorities.find(a => a.type === 'SOA');
  if (!soa) return NEGATIVE_DEFAULT;
  const minimum = (soa.data as { minimum?: number } | undefined)?.minimum ?? 0;
  return Math.min(NEGATIVE_MOST, Math.min(soa.ttl ?? 0, minimum) * SECOND);
}
