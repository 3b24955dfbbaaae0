/**
 * The configuration `rampd init` writes: complete, commented, without faults, and harmless until its addresses are changed
 * (documentation addresses and names; listens on loopback only).
 */

export function starterFile(): string {
  return STARTER;
}

const STARTER = `# rampd.yaml: what this delivery daemon sends, from where, and how fast.
#
# Check it with \`rampd check\`; a running daemon takes changes with \`rampd reload\`, and keeps what it had when there is a fault.
# Times read 90s, 45m, 4d12h; rates read 200/h, 2/m, 500/15m; "no limit" is unlimited, "nothing" is none.
# Relative paths start at this file.

# The name this server gives itself; it should resolve to an address of this machine.
host-name: mta.example.com
# What was accepted and not yet delivered, and all progress of warm-ups. Keep it on a disk you trust.
state-dir: /var/lib/rampd
# The user rampd becomes once its ports are bound, and a number from 0 to 255, another on each machine, for its message ids.
# user: rampd
# node: 0

# Where mail comes in, and who may hand it in. Everybody else is refused.
listeners:
  - { address: "127.0.0.1:2525" }
  # - { address: "192.0.2.10:587", tls: { cert: /etc/rampd/cert.pem, key: /etc/rampd/key.pem, mode: starttls } }
  # max-connections: 500 and idle-timeout: 10m stand beside the address.
clients:
  - { from: [127.0.0.0/8, "::1"], pool: main, allow-headers: true }
  # - { user: app1, password: "scrypt:SALT:HASH", pool: main, max-connections: 50, dsn: postmaster, dkim-sign: required }

# The addresses mail leaves from. Every source says how it is warmed: by a schedule, or none when it is warm already.
sources:
  warm-1:
    address: 192.0.2.10
    host-name: mta1.example.com
    warm-up: none
  cold-1:
    address: 192.0.2.11
    host-name: mta2.example.com
    # Shipped: two-weeks, three-weeks, four-weeks, four-weeks-per-provider, gentle-six-weeks; look at one with
    # \`rampd schedule four-weeks\`.
    # target ends the ramp at the rate this address is meant for.
    warm-up: { schedule: four-weeks, target: 2000/h }

# Mail is bound to a pool; which of its sources a message takes is decided when it leaves.
pools:
  main:
    sources: [warm-1, cold-1] # or weights: { warm-1: 3, cold-1: 1 }
    # How long mail may wait for a slot of a cold source before a warm one takes it.
    cold-wait: 4h
    # verp: true

# Limits for every destination; a provider's own limits replace these, a source's limits bind the sum of its traffic.
defaults:
  max-smtp-out: 20
  max-msg-per-connection: 100
  retry-after: [10m, 20m, 30m, 1h, 2h]
  bounce-after: 4d12h
  use-starttls: true

# The same for the whole of this machine, whatever the destination.
# total: { max-smtp-out: 2000, max-msg-rate: 500/m }

# On top of the shipped provider files: limits key by key, rules in front, static routes.
# providers:
#   microsoft:
#     limits: { max-smtp-out: 10 }
#     rules:
#       # code, text, recipient domain, window, connections, messages an hour
#       - "421 RP-001 *, 1h, 5, 500"
#   internal: { domains: [corp.example], smtp-hosts: ["10.0.0.5:25"] }
#   # A smart host.
#   relay: { domains: [relay.internal], smtp-hosts: { host: "smtp.example.net:587", user: app, password: secret } }

# Mail for the domain on the left takes the way to the one on the right; "*" is all mail.
# queue-to: { old.example: example.net, "*": relay.internal }

# Mail whose From field is of this domain, or below it, is signed. rampd dkim-key example.com s1 makes the key and its DNS record.
# dkim:
#   - { domain: example.com, selector: s1, key: /etc/rampd/s1.example.com.pem }
#   - { domain: "*", selector: s1, key: "/etc/rampd/dkim/{domain}/{selector}.pem" }

# What is taken of mail that comes in: these are the defaults, but max-line-length and max-backlog are unlimited unless said.
# max-message-size: 25MB
# max-recipients: 1000
# max-header-size: 256KB
# max-line-length: 998
# max-loop-count: 5
# strip-headers: [Return-Path, Bcc, Resent-Bcc]
# With so many messages waiting, or less room on the disk than this, new ones are told to come back later.
# max-backlog: 5000000
# min-free: 100MB

# Folders with schedules of your own, and provider files in their providers/.
# schedules: [./schedules]

# One record per recipient and attempt; a list of files may hold different records and fields.
accounting: { file: /var/lib/rampd/acct.csv, format: csv, rotate: 1d, compress: gzip }
# reject-log: { file: /var/lib/rampd/reject.csv, retain: 30d }
# webhooks:
#   - { url: "https://crm.example.com/mail", records: [d, b, f], secret-file: /etc/rampd/crm.secret }
# alerts:
#   - { on: [stage-braked, suspended, nothing-delivered], mail: ops@example.com }

# Policies of receivers about TLS: MTA-STS is obeyed unless you say false; DANE needs a validating resolver on this machine.
# dns: { servers: ["127.0.0.1"], dnssec: true }
# tls: { mta-sts: true, report: { from: tls-reports@example.com, organization: Example Ltd } }

# Who is told of mail that fails or is late: its sender, unless a client says dsn: postmaster or dsn: none.
# dsn: { from: mailer-daemon@example.com, delay-after: [4h, 24h] }

# Who gets no more mail: mailboxes that are gone, people who complained. \`rampd suppress\` shows and changes the list.
suppression: { on: [mailbox.unknown, mailbox.inactive, complaint], at: refuse }
# Bounces and complaints that come back by mail; a pool that says verp: true gives each recipient a reverse path of its own.
# feedback: { bounce-domains: [bounce.example.com], fbl: [fbl@example.com] }

log: { level: info }

# Where rampd show and its like ask, and the page, /metrics and POST /v1/messages; rampd token NAME prints an entry of tokens.
# control: { socket: /run/rampd/rampd.sock, http: { address: "127.0.0.1:8025", tokens: [] } }
# How long deliveries under way may take to end when rampd stops.
# drain: 30s

# What receivers hold against the mail (names, SPF, DKIM, block lists): rampd doctor says it, and each start warns of it.
# doctor: { probe: [mx1.example.net], dnsbl: [zen.spamhaus.org] } # or at-start: false, dnsbl: none

# For tests and the lab only: deliver to loopback and private addresses.
# allow-private: true
# smtp-port: 2525
`;
