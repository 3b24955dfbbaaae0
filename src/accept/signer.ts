/**
 * Signs messages with DKIM (RFC 6376, RFC 8463): which domain, which keys, and the fields that go in front.
 *
 * The signing domain is that of the From field, which is what DMARC compares; where it has no key, that of the sender. Header
 * and body are hashed here, in this turn; RSA signatures are made on the thread pool. Changes nothing of the message, and signs
 * with what was in force when it was asked.
 */
import type { Clock } from '../kernel/clock.js';
import { FaultError, type Fault } from '../kernel/fault.js';
import { domainOf, type Envelope } from '../kernel/message.js';
import type { Client, DkimKey, Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { HOUR, type Instant } from '../kernel/units.js';
import { joinedFront } from './body.js';
import { bodyHash } from './dkim-body.js';
import { Choices, keyPath } from './dkim-choice.js';
import { signedField, unsignedField } from './dkim-field.js';
import { fromDomain, hostDomain } from './dkim-from.js';
import { fieldsOf, signedNames, signedText, type Field } from './dkim-header.js';
import { Keys, readFixedKeys, type SigningKey } from './dkim-keys.js';
import type { AcceptLog } from './ports.js';

export interface Signer {
  /**
   * The header fields to put in front of `content`, one buffer each; none when the message is not to be signed or cannot be.
   * `content` is the whole message as it will be stored, in chunks cut anywhere, with CRLF between lines; it is only read.
   * `client` is who handed it in; undefined for our own, which is never refused. Rejects with Unsignable where a client's mail
   * must be signed (`dkim-sign: required`) and cannot be.
   */
  sign(envelope: Pick<Envelope, 'sender' | 'pool'>, content: readonly Buffer[], client?: Pick<Client, 'dkimSign'>): Promise<Buffer[]>;
}

/** A message that must be signed and is not. */
export class Unsignable extends Error {
  constructor(
    why: string,
    /** Trying again later may help. */
    readonly temporary: boolean,
  ) {
    super(why);
    this.name = 'Unsignable';
  }
}

export interface DkimSigner extends Signer {
  /** Reads the keys of these settings. Throws FaultError when one is no good; `apply` puts them in force and cannot fail. */
  prepare(settings: Settings): { readonly warnings: Fault[]; apply(): void };
}

const CR = 13;
const END_OF_HEADER = Buffer.from('\r\n\r\n');
/** The same remark is logged at most once in this time. */
const REMARK_EVERY = HOUR;
const MOST_REMARKS = 1_000;

interface Force {
  readonly settings: Settings;
  readonly choices: Choices;
  readonly keys: Keys;
}

interface Chosen {
  readonly domain: string;
  readonly keys: readonly { readonly entry: DkimKey; readonly key: SigningKey }[];
}

type Trouble = { readonly why: string; readonly temporary: boolean };

export function createSigner({ clock, log }: { readonly clock: Clock; readonly log: AcceptLog }): DkimSigner {
  let force: Force | undefined;
  const remarked = new Map<string, Instant>();

  const remark = (fields: object, text: string): void => {
    const id = JSON.stringify(fields) + text;
    const before = remarked.get(id);
    if (before !== undefined && clock.now() - before < REMARK_EVERY) return;
    if (remarked.size >= MOST_REMARKS) remarked.clear();
    remarked.set(id, clock.now());
    log.warn(fields, text);
  };

  return {
    prepare(settings) {
      const entries = settings.dkim ?? [];
      const read = readFixedKeys(entries);
      if (read.faults.length > 0) throw new FaultError(read.faults);
      const keys = new Keys(read, clock, log);
      return { warnings: read.warnings, apply: () => void (force = { settings, choices: new Choices(entries), keys }) };
    },

    async sign(envelope, content, client) {
      if (!force) return [];
      const { settings } = force;
      const said = client?.dkimSign ?? settings.pools.get(envelope.pool)?.dkimSign ?? true;
      const required = said === 'required' && client !== undefined;
      if (said === false || (!required && (settings.dkim ?? []).length === 0)) return [];
      const message = opened(content);
      const chosen = await choose(force, message.fields, envelope.sender, remark);
      if ('keys' in chosen) return await signatures(chosen, message, clock.wall());
      if (required) throw new Unsignable(chosen.why, chosen.temporary);
      return [];
    },
  };
}

/** Header and body apart. What is copied are the chunks the header stands in, whole; those behind them are not. */
function opened(content: readonly Buffer[]): { fields: Field[]; body: Buffer[] } {
  const { block, rest } = joinedFront(content, Infinity, front => front.includes(END_OF_HEADER));
  const end = block.indexOf(END_OF_HEADER);
  // A message without a header has no From field, and that is all that is asked of it.
  if (block[0] === CR) return { fields: [], body: [] };
  if (end < 0) return { fields: fieldsOf(block.toString('latin1')), body: rest };
  return { fields: fieldsOf(block.toString('latin1', 0, end)), body: [block.subarray(end + END_OF_HEADER.length), ...rest] };
}

/** The keys for this message; or why there are none. */
async function choose(
  { choices, keys }: Force,
  fields: readonly Field[],
  sender: string,
  remark: (fields: object, text: string) => void,
): Promise<Chosen | Trouble> {
  const from = fromDomain(fields);
  if (!from.ok) {
    remark({ sender: printable(domainOf(sender), 260), why: from.why }, 'a message is not signed');
    return { why: from.why, temporary: false };
  }
  let temporary = false;
  const domains = new Set([from.domain, hostDomain(domainOf(sender))]);
  for (const domain of domains) {
    for (const choice of domain === undefined ? [] : choices.of(domain)) {
      const good: { entry: DkimKey; key: SigningKey }[] = [];
      for (const entry of choice.keys) {
        const path = keyPath(entry, choice.domain);
        const found = await keys.get(path);
        if ('key' in found) {
          good.push({ entry, key: found.key });
          continue;
        }
        // Behind `*` most domains have no file, and that is no news.
        if (!found.missing || entry.domain !== '*') remark({ domain: choice.domain, key: printable(path) }, `a DKIM key ${found.why}`);
        temporary ||= !found.missing;
      }
      if (good.length > 0) return { domain: choice.domain, keys: good };
    }
  }
  return { why: `there is no DKIM key for ${from.domain}`, temporary };
}

function signatures({ domain, keys }: Chosen, { fields, body }: { fields: Field[]; body: Buffer[] }, now: number): Promise<Buffer[]> {
  const hashes = new Map<string, string>();
  return Promise.all(
    keys.map(async ({ entry, key }) => {
      const { header: headerForm, body: bodyForm } = entry.canonicalization;
      const hash = hashes.get(bodyForm) ?? bodyHash(body, bodyForm);
      hashes.set(bodyForm, hash);
      const names = signedNames(fields, entry.headers);
      const unsigned = unsignedField({ algorithm: key.algorithm, key: entry, domain, now, names, bodyHash: hash });
      const signature = await key.sign(Buffer.from(signedText(fields, names, unsigned, headerForm), 'latin1'));
      return Buffer.from(signedField(unsigned, signature), 'latin1');
    }),
  );
}
