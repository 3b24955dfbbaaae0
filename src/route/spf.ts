/**
 * What a domain's SPF policy says of an address (RFC 7208 §4): check_host(), as a receiver runs it.
 *
 * Promises: never rejects; at most ten terms that ask the DNS, two of them with nothing to find, ten hosts of an MX and ten
 * names of a PTR (§4.6.4), all includes and redirects counted together; beyond that `permerror`, as at a receiver. The text
 * of records is a stranger's: whoever shows `text` makes it printable.
 */
import ipaddr from 'ipaddr.js';
import type { DnsAnswer, DnsPort } from './dns.js';
import { isHostName } from './domain.js';
import { reverseName } from './reverse.js';
import { expandMacros, type SpfWho } from './spf-macro.js';
import { isSpf, readSpf, type SpfMechanism, type SpfResult } from './spf-record.js';

export type SpfDns = Pick<DnsPort, 'a' | 'aaaa' | 'mx' | 'txt' | 'ptr'>;

export interface SpfVerdict {
  readonly result: SpfResult | 'none' | 'temperror' | 'permerror';
  /** The record of the domain asked about, when it has exactly one. */
  readonly record?: string;
  /** Terms that asked the DNS, so far as the evaluation went. */
  readonly lookups: number;
  /** Which term decided, or what is wrong: one clause. */
  readonly text: string;
}

/** §4.6.4. */
const LOOKUPS_MOST = 10;
const VOID_MOST = 2;
const HOSTS_MOST = 10;

/** Ends an evaluation from any depth of it. */
class SpfError extends Error {
  constructor(
    readonly result: 'temperror' | 'permerror',
    message: string,
  ) {
    super(message);
  }
}

export async function checkSpf(domain: string, who: SpfWho, dns: SpfDns): Promise<SpfVerdict> {
  const evaluation = new Evaluation(who, dns);
  try {
    const { result, text } = await evaluation.check(domain, 0);
    return { result, text, lookups: evaluation.lookups, ...evaluation.first };
  } catch (error) {
    if (!(error instanceof SpfError)) throw error;
    return { result: error.result, text: error.message, lookups: evaluation.lookups, ...evaluation.first };
  }
}

class Evaluation {
  lookups = 0;
  /** The record asked for first. */
  first: { readonly record?: string } = {};
  #void = 0;
  readonly #who: SpfWho;
  readonly #dns: SpfDns;
  readonly #address: ipaddr.IPv4 | ipaddr.IPv6;

  constructor(who: SpfWho, dns: SpfDns) {
    this.#who = who;
    this.#dns = dns;
    this.#address = ipaddr.process(who.ip);
  }

  async check(domain: string, depth: number): Promise<{ readonly result: SpfResult | 'none'; readonly text: string }> {
    if (!isHostName(domain)) return { result: 'none', text: `${domain} is no domain name` };
    const answer = await this.#dns.txt(domain);
    if (answer.kind === 'failed') throw new SpfError('temperror', `the TXT records of ${domain}: ${answer.text}`);
    const records = answer.kind === 'found' ? answer.records.filter(isSpf) : [];
    const [record] = records;
    if (record === undefined) return { result: 'none', text: `${domain} publishes no SPF record` };
    if (records.length > 1) throw new SpfError('permerror', `${domain} publishes ${records.length} SPF records, and only one is allowed`);
    if (depth === 0) this.first = { record };
    const read = readSpf(record);
    if ('error' in read) throw new SpfError('permerror', `the SPF record of ${domain}: ${read.error}`);
    for (const mechanism of read.mechanisms) {
      if (await this.#matches(mechanism, domain, depth))
        return { result: mechanism.result, text: `${mechanism.text}${depth > 0 ? ` of ${domain}` : ''}` };
    }
    if (read.redirect === undefined || read.mechanisms.some(m => m.kind === 'all'))
      return { result: 'neutral', text: `no term of ${domain} matches` };
    this.#count(`redirect=${read.redirect}`);
    const next = this.#expand(read.redirect, domain);
    const found = await this.check(next, depth + 1);
    if (found.result === 'none') throw new SpfError('permerror', `${domain} redirects to ${next}, which publishes no SPF record`);
    return found;
  }

  async #matches(mechanism: SpfMechanism, domain: string, depth: number): Promise<boolean> {
    const { kind, value, text } = mechanism;
    if (kind === 'all') return true;
    if (kind === 'ip4' || kind === 'ip6') return this.#within(value, mechanism);
    this.#count(text);
    const target = value === '' ? domain : this.#expand(value, domain);
    switch (kind) {
      case 'include': {
        const found = await this.check(target, depth + 1);
        if (found.result === 'none') throw new SpfError('permerror', `${domain} includes ${target}, which publishes no SPF record`);
        return found.result === 'pass';
      }
      case 'a':
        return (await this.#addresses(target, true)).some(address => this.#within(address, mechanism));
      case 'exists':
        return this.#found(await this.#dns.a(target), target, true).length > 0;
      case 'mx': {
        const hosts = this.#found(await this.#dns.mx(target), target, true);
        if (hosts.length > HOSTS_MOST) throw new SpfError('permerror', `${text}: ${target} has more than ${HOSTS_MOST} MX hosts`);
        for (const { exchange } of hosts) {
          if (exchange !== '' && (await this.#addresses(exchange, false)).some(address => this.#within(address, mechanism))) return true;
        }
        return false;
      }
      case 'ptr':
        return this.#names(target);
    }
  }

  /** §5.5: a name of the address that leads back to it and is the target or below it. */
  async #names(target: string): Promise<boolean> {
    const answer = await this.#dns.ptr(reverseName(this.#who.ip));
    const names = answer.kind === 'found' ? answer.records.slice(0, HOSTS_MOST).map(name => name.toLowerCase()) : [];
    for (const name of names) {
      if (name !== target && !name.endsWith(`.${target}`)) continue;
      const back = await this.#ask(name);
      if (back.kind === 'found' && back.records.some(address => this.#within(address, { bits4: 32, bits6: 128 }))) return true;
    }
    return false;
  }

  #ask(name: string): Promise<DnsAnswer<string>> {
    return this.#address.kind() === 'ipv4' ? this.#dns.a(name) : this.#dns.aaaa(name);
  }

  async #addresses(name: string, counted: boolean): Promise<readonly string[]> {
    return this.#found(await this.#ask(name), name, counted);
  }

  #found<T>(answer: DnsAnswer<T>, name: string, counted: boolean): readonly T[] {
    if (answer.kind === 'failed') throw new SpfError('temperror', `${name}: ${answer.text}`);
    if (answer.kind === 'found') return answer.records;
    if (counted && ++this.#void > VOID_MOST)
      throw new SpfError('permerror', `more than ${VOID_MOST} lookups find nothing, the last of them ${name}`);
    return [];
  }

  #count(term: string): void {
    if (++this.lookups > LOOKUPS_MOST)
      throw new SpfError('permerror', `${term} would be lookup ${this.lookups}, and receivers make at most ${LOOKUPS_MOST}`);
  }

  #expand(spec: string, domain: string): string {
    const name = expandMacros(spec, this.#who, domain);
    if (name === undefined) throw new SpfError('permerror', `${spec} of ${domain} cannot be filled in`);
    return name;
  }

  #within(network: string, { bits4, bits6 }: { readonly bits4: number; readonly bits6: number }): boolean {
    if (!ipaddr.isValid(network)) return false;
    const other = ipaddr.parse(network);
    const mine = this.#address;
    if (mine instanceof ipaddr.IPv4) return other instanceof ipaddr.IPv4 && mine.match(other, bits4);
    return other instanceof ipaddr.IPv6 && mine.match(other, bits6);
  }
}
