/**
 * Words people bring along: what other mail servers call our keys.
 */

const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['virtual-mta', 'an outbound address is an entry under sources'],
  ['vmta', 'an outbound address is an entry under sources'],
  ['virtual-mtas', 'outbound addresses stand under sources'],
  ['virtual-mta-pool', 'a set of sources is an entry under pools'],
  ['smtp-source-host', 'a source says address and host-name'],
  ['smtp-source-ip', 'a source says address'],
  ['helo', 'the HELO name is host-name'],
  ['ehlo', 'the HELO name is host-name'],
  ['smtp-listener', 'listening addresses stand under listeners'],
  ['total-max-smtp-in', 'a listener says max-connections'],
  ['listen', 'listening addresses stand under listeners'],
  ['smtp-pattern-list', 'patterns are rules of a provider'],
  ['acct-file', 'the accounting file is accounting: { file: … }'],
  ['record-fields', 'the fields of an accounting file are fields'],
  ['move-interval', 'how often a file is put aside is rotate'],
  ['delete-after', 'how long files put aside are kept is retain'],
  ['domain', 'limits of a destination stand under providers'],
  ['domains', 'limits of a destination stand under providers'],
  ['auth-username', 'a smart host is an entry of smtp-hosts: { host, user, password-file }'],
  ['auth-password', 'a smart host is an entry of smtp-hosts: { host, user, password-file }'],
  ['spool', 'the spool stands in state-dir'],
  ['backoff-max-msg-rate', 'slowing down is a rule with a window'],
  ['max-cold-virtual-mta-msg', 'a day cap is max-msg-per-day in a stage'],
  ['domain-key', 'a key and its domain are an entry under dkim'],
  ['dkim-identity', 'an entry under dkim says identity'],
  ['dkim-expire-after', 'an entry under dkim says expire'],
  ['dkim-headers', 'an entry under dkim says headers'],
  ['dkim-headers-canon', 'an entry under dkim says canonicalization: header/body'],
  ['dkim-body-canon', 'an entry under dkim says canonicalization: header/body'],
  ['relay', 'who may inject stands under clients'],
  ['<<', 'merge keys are not read: use an alias for the whole map'],
]);

/** A hint for a key another program uses. */
export function known(key: string): string | undefined {
  return ELSEWHERE.get(key.toLowerCase());
}
