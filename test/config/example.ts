/** A configuration that uses most of the language, for tests of several parts; it has no faults. */
export const EXAMPLE = `host-name: mta.example.com
state-dir: /var/lib/rampd
listeners: [{ address: "127.0.0.1:2525" }]
clients:
  - { from: ["127.0.0.0/8", "::1"], pool: marketing, allow-headers: true }
  - { user: app1, password: "scrypt:c2FsdHNhbHQ:aGFzaGhhc2hoYXNoaGFzaA", pool: marketing }
sources:
  hot-1:  { address: 192.0.2.10,  host-name: mta1.example.com, warm-up: none }
  cold-1: { address: 203.0.113.21, host-name: mta2.example.com, warm-up: { schedule: four-weeks, target: 2000/h } }
pools:
  marketing: { sources: [hot-1, cold-1], cold-wait: 6h, sticky-for: 4h }
defaults: { max-smtp-out: 20, max-msg-per-connection: 100, retry-after: [10m, 20m, 30m, 1h, 2h], bounce-after: 4d12h, use-starttls: true }
providers:
  internal: { domains: [corp.example], smtp-hosts: ["10.0.0.5:25"] }
dns: { servers: ["127.0.0.1:5353"] }
smtp-port: 25
control: { socket: /run/rampd/rampd.sock }
accounting: { file: acct.csv, format: csv, rotate: 1d, compress: gzip }
`;
