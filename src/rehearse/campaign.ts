/**
 * Test mail: to whom, from whom, how much, how big; and its content. Pure.
 *
 * Every invented recipient is unique within a campaign's seed; the same seed gives the same recipients in the same order.
 */
import { lotOf } from './dice.js';

export interface Campaign {
  /** Messages. */
  readonly count: number;
  /** Recipient domains and their shares; `*.name` invents names below it, and an address with an @ is taken as it is. */
  readonly to: readonly { readonly domain: string; readonly weight: number }[];
  /** Sender domains, taken in turn. */
  readonly from: readonly string[];
  /** Octets of a message, headers included; at least 200. Default 4,096. */
  readonly size?: number;
  /** Messages an hour of policy time. Default Infinity: as fast as they are taken. */
  readonly rate?: number;
  /** Recipients of one message, all at its domain. Default 1. */
  readonly recipients?: number;
  /** Goes into X-Job. */
  readonly job?: string;
  readonly seed?: number;
}

export interface TestMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
}

const SIZE = 4_096;
const LINE = 'What a sender says often and well is believed; what it shouts is not.\r\n';
/** Different names that `*.name` invents. */
const INVENTED = 383;

/** Makes message number `n` (0-based) of a campaign. */
export function createMessages(campaign: Campaign): (n: number, wall: number) => TestMessage {
  const seed = campaign.seed ?? 1;
  const total = campaign.to.reduce((sum, { weight }) => sum + weight, 0);
  const perMessage = Math.max(1, campaign.recipients ?? 1);
  const size = campaign.size ?? SIZE;
  const lines = Buffer.from(LINE.repeat(Math.ceil(size / LINE.length)));
  /** Whole lines, and a last one that makes up the size. */
  const bodyOf = (room: number): Buffer[] => {
    const whole = Math.max(0, Math.floor(room / LINE.length) - 1) * LINE.length;
    return [lines.subarray(0, whole), Buffer.from(`${'-'.repeat(Math.max(0, room - whole - 2))}\r\n`)];
  };

  const pickDomain = (n: number): string => {
    let left = lotOf(seed, 'domain', n) * total;
    const picked = campaign.to.find(({ weight }) => (left -= weight) < 0)?.domain ?? campaign.to.at(-1)?.domain ?? 'example.invalid';
    return picked.startsWith('*.') ? `c${Math.floor(lotOf(seed, 'name', n) * INVENTED)}${picked.slice(1)}` : picked;
  };

  return (n, wall) => {
    const domain = pickDomain(n);
    const recipients = domain.includes('@')
      ? [domain]
      : Array.from({ length: perMessage }, (_, i) => `u${seed}-${n}${perMessage > 1 ? `-${i}` : ''}@${domain}`);
    const from = campaign.from[n % campaign.from.length] ?? 'sender.invalid';
    const head = [
      `From: News <news@${from}>`,
      `To: <${recipients[0] ?? ''}>`,
      `Subject: Rehearsal ${n}`,
      `Date: ${new Date(wall).toUTCString().replace('GMT', '+0000')}`,
      `Message-ID: <${seed}.${n}.${Math.floor(wall)}@${from}>`,
      ...(campaign.job === undefined ? [] : [`X-Job: ${campaign.job}`]),
      '',
      '',
    ].join('\r\n');
    return { sender: `bounce@${from}`, recipients, content: Buffer.concat([Buffer.from(head), ...bodyOf(size - Buffer.byteLength(head))]) };
  };
}
