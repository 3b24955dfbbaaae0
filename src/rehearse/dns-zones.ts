/**
 * What a DNS server of the rehearsal knows, as plain data, and how it answers from it. No I/O.
 *
 * Names are lower-case without a trailing dot. `*.example` answers for every name below example that has no entry of its
 * own (RFC 4592, without closest-encloser subtleties). CNAMEs are followed inside the data, at most eight deep.
 */
import { bareName } from '../kernel/text.js';

export interface MxRecord {
  readonly preference: number;
  readonly exchange: string;
}

export interface DnsEntry {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** `null` is the null MX of RFC 7505: the domain takes no mail. */
  readonly mx?: readonly MxRecord[] | null;
  readonly cname?: string;
  /** Of a name such as `1.2.0.192.in-addr.arpa`. */
  readonly ptr?: readonly string[];
  /** A record each; a text over 255 octets is cut into strings (RFC 1035 §3.3.14), as a long DKIM key is. */
  readonly txt?: readonly string[];
  /** Seconds; the zones' default when absent. */
  readonly ttl?: number;
  /** Trouble on request: an error code instead of an answer, or silence. */
  readonly fail?: 'servfail' | 'refused' | 'silent';
}

export type Zones = Readonly<Record<string, DnsEntry>>;

export interface AnswerRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'CNAME' | 'TXT' | 'PTR';
  readonly ttl: number;
  readonly data: unknown;
}

/** RFC 1035 §4.1.1 response codes used here. */
const RCODE = { noerror: 0, servfail: 2, nxdomain: 3, refused: 5 } as const;

export type Lookup =
  { readonly silent: true } | { readonly silent: false; readonly rcode: number; readonly answers: readonly AnswerRecord[] };

const DEEPEST_CNAME = 8;
/** RFC 1035 §3.3. */
const LONGEST_STRING = 255;

/** Zones with an index of the names that exist only because something stands below them. */
export class ZoneData {
  readonly #entries = new Map<string, DnsEntry>();
  readonly #ttl: number;

  /** `ttl` in seconds serves entries that state none. */
  constructor(zones: Zones, ttl: number) {
    this.#ttl = ttl;
    for (const [name, entry] of Object.entries(zones)) this.set(name, entry);
  }

  set(name: string, entry: DnsEntry): void {
    this.#entries.set(bareName(name), entry);
  }

  delete(name: string): void {
    this.#entries.delete(bareName(name));
  }

  answer(question: string, type: string): Lookup {
    const answers: AnswerRecord[] = [];
    let name = bareName(question);
    for (let depth = 0; depth < DEEPEST_CNAME; depth++) {
      const entry = this.#find(name);
      if (!entry) return { silent: false, rcode: this.#hasBelow(name) ? RCODE.noerror : RCODE.nxdomain, answers };
      if (entry.fail === 'silent') return { silent: true };
      if (entry.fail) return { silent: false, rcode: RCODE[entry.fail], answers: [] };
      const ttl = entry.ttl ?? this.#ttl;
      if (entry.cname !== undefined && type !== 'CNAME') {
        answers.push({ name, type: 'CNAME', ttl, data: entry.cname });
        name = bareName(entry.cname);
        continue;
      }
      for (const data of dataOf(entry, type)) answers.push({ name, type: type as AnswerRecord['type'], ttl, data });
      return { silent: false, rcode: RCODE.noerror, answers };
    }
    return { silent: false, rcode: RCODE.servfail, answers: [] };
  }

  #find(name: string): DnsEntry | undefined {
    const exact = this.#entries.get(name);
    if (exact) return exact;
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const entry = this.#entries.get(`*${name.slice(dot)}`);
      if (entry) return entry;
    }
    return undefined;
  }

  /** An empty non-terminal exists and has no data (RFC 8020): NOERROR, not NXDOMAIN. */
  #hasBelow(name: string): boolean {
    for (const known of this.#entries.keys()) if (known.endsWith(`.${name}`)) return true;
    return false;
  }
}

function dataOf(entry: DnsEntry, type: string): readonly unknown[] {
  switch (type) {
    case 'A':
      return entry.a ?? [];
    case 'AAAA':
      return entry.aaaa ?? [];
    case 'MX':
      return entry.mx === null ? [{ preference: 0, exchange: '.' }] : (entry.mx ?? []);
    case 'CNAME':
      return entry.cname === undefined ? [] : [entry.cname];
    case 'PTR':
      return entry.ptr ?? [];
    case 'TXT':
      return (entry.txt ?? []).map(text => (text.length <= LONGEST_STRING ? text : text.match(/[^]{1,255}/g)));
    default:
      return [];
  }
}
