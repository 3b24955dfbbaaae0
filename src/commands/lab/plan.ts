/**
 * What the lab plays: four sources, a pool, and one campaign a day, as data. Pure.
 */
import { DAY, HOUR, type Instant } from '../../kernel/units.js';
import type { Campaign } from '../../rehearse/campaign.js';
import type { BadTime } from '../../rehearse/provider-model.js';

export interface LabSource {
  readonly name: string;
  readonly address: string;
  /** First stage; undefined is warm. */
  readonly stage?: number;
  /** What providers know it for already, recipients an hour; absent for a stranger. */
  readonly past?: number;
}

export const LAB_SOURCES: readonly LabSource[] = [
  { name: 'hot-1', address: '127.0.1.1', past: 20_000 },
  { name: 'cold-1', address: '127.0.1.2', stage: 1 },
  { name: 'cold-2', address: '127.0.1.3', stage: 5, past: 40 },
  { name: 'cold-3', address: '127.0.1.4', stage: 10, past: 120 },
];

/** The domain campaigns come from, and where its notices of failure go. */
export const SENDER_DOMAIN = 'news.sender.example';
export const SENDER_HOST = 'mx.sender.example';

/** The lab begins at half past four, half an hour behind the tick of the shipped schedules. */
export const BEGINS = 4.5 * HOUR;
/** Campaigns begin at eight, as people's do. */
export const CAMPAIGN_AT = 8 * HOUR;

export function labConfig(parts: {
  readonly sources: readonly LabSource[];
  readonly dir: string;
  readonly listen: number;
  readonly dns: string;
  readonly smtpPort: number;
  readonly schedule: string;
}): string {
  const sources = parts.sources.map(({ name, address, stage }) => {
    const warmUp = stage === undefined ? 'none' : `{ schedule: ${parts.schedule}, stage: ${stage} }`;
    return `  ${name}: { address: ${address}, host-name: ${name}.sender.example, warm-up: ${warmUp} }`;
  });
  return `# Written by the lab; everything in it is on loopback.
host-name: mta.sender.example
state-dir: ${JSON.stringify(`${parts.dir}/state`)}
listeners: [{ address: "127.0.0.1:${parts.listen}" }]
clients: [{ from: ["127.0.0.0/8"], pool: campaigns, allow-headers: true }]
sources:
${sources.join('\n')}
pools:
  # A campaign drains in the morning; cold sources get what they can send until the afternoon.
  campaigns: { sources: [${parts.sources.map(s => s.name).join(', ')}], cold-wait: 8h }
# At 1,440 times real time a connection kept for half an hour is kept for a second and a quarter.
defaults: { max-smtp-out: 10, idle-timeout: 30m }
dns: { servers: ["${parts.dns}"] }
smtp-port: ${parts.smtpPort}
allow-private: true
log: { level: warn, file: ${JSON.stringify(`${parts.dir}/rampd.log`)} }
accounting: { file: ${JSON.stringify(`${parts.dir}/acct.csv`)}, format: csv, rotate: 1d }
`;
}

/**
 * What goes wrong in the week, so that there is something to watch: an hour at Microsoft that opens a window and passes, and a
 * morning at Google that costs a source its day. `midnight` is that of the first day.
 */
export function weekOf(midnight: Instant): readonly BadTime[] {
  const at = (day: number, hour: number): Instant => midnight + (day - 1) * DAY + hour * HOUR;
  return [
    { provider: 'microsoft', source: '127.0.1.4', from: at(1, 10), until: at(1, 11), mood: 0.1 },
    { provider: 'google', source: '127.0.1.3', from: at(2, 9), until: at(2, 16), mood: 0.05 },
    { provider: 'yahoo', source: '127.0.1.1', from: at(3, 9), until: at(3, 10), mood: 0.001 },
  ];
}

/** The campaign of one day (0-based): it grows, as senders with new addresses plan it. */
export function campaignOf(day: number, seed: number): Campaign {
  return {
    count: Math.round(2_500 * 1.18 ** day),
    to: [
      { domain: 'gmail.com', weight: 30 },
      { domain: '*.workspace.example', weight: 8 },
      { domain: 'outlook.com', weight: 12 },
      { domain: 'hotmail.com', weight: 10 },
      { domain: '*.customers.example', weight: 10 },
      { domain: 'yahoo.com', weight: 14 },
      { domain: 'aol.com', weight: 4 },
      { domain: 'small-isp.example', weight: 12 },
    ],
    from: [SENDER_DOMAIN],
    size: 2_048,
    job: `day-${day + 1}`,
    seed: seed * 1_000 + day,
  };
}
