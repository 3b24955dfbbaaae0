/**
 * The mailbox providers of the lab, as data: hosts and domains, how patient each is, and the words it uses.
 *
 * MX names are those the shipped provider files know, reply texts those senders meet; `{ip}` stands for the source address and
 * `{rcpt}` for the recipient. Allowances are invented (see standing.ts). In the lab these names are served by the lab's own DNS
 * and lead to loopback addresses only.
 */
import { MINUTE, type Ms } from '../kernel/units.js';
import type { AllowanceModel } from './standing.js';

export interface ModelReply {
  /** Lines separated by \n, codes included. */
  readonly reply: string;
  /** The connection is closed after it. */
  readonly close?: boolean;
}

export interface ProviderModel {
  readonly name: string;
  readonly mx: readonly { readonly host: string; readonly preference: number }[];
  /** Recipient domains; `*.name` stands for all below name. */
  readonly domains: readonly string[];
  readonly startTls: boolean;
  readonly allowance: AllowanceModel;
  /** Chance that an hour is a bad one for an address, and what is left of its allowance then. */
  readonly badHour: { readonly chance: number; readonly mood: number };
  /** Connections open at once from one address. */
  readonly maxConnections: number;
  readonly maxMessagesPerConnection: number;
  /** Share of local parts that do not exist. */
  readonly unknownUsers: number;
  /** First contact of (address, sender, recipient) waits this long. */
  readonly greylist?: Ms;
  /** Where too much mail is refused: at MAIL FROM, or after the message. */
  readonly refusesAt: 'mail' | 'message';
  readonly says: {
    readonly over: ModelReply;
    readonly wellAbove: ModelReply;
    readonly blocked: ModelReply;
    readonly tooManyConnections: ModelReply;
    readonly tooManyMessages: ModelReply;
    readonly unknownUser: ModelReply;
    readonly greylisted: ModelReply;
  };
}

const GREYLISTED: ModelReply = { reply: '450 4.7.1 <{rcpt}>: Recipient address rejected: Greylisted, please try again in 5 minutes' };

export const MODELS: readonly ProviderModel[] = [
  {
    name: 'microsoft',
    mx: [
      { host: 'outlook-com.olc.protection.outlook.com', preference: 5 },
      { host: 'hotmail-com.olc.protection.outlook.com', preference: 5 },
    ],
    domains: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com'],
    startTls: true,
    allowance: { first: 60, most: 40_000, growth: 2.2 },
    badHour: { chance: 0.004, mood: 0.35 },
    maxConnections: 40,
    maxMessagesPerConnection: 100,
    unknownUsers: 0.008,
    refusesAt: 'mail',
    says: {
      over: {
        reply:
          "421 RP-001 (SNT004-MC1F1) Unfortunately, some messages from {ip} weren't sent. Please try again. We have limits for how many messages can be sent per hour and per day.",
        close: true,
      },
      wellAbove: {
        reply:
          '451 4.7.650 The mail server [{ip}] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)',
      },
      blocked: {
        reply:
          "550 5.7.1 Unfortunately, messages from [{ip}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
      },
      tooManyConnections: {
        reply: '421 RP-003 (BAY004-MC1F1) The mail server IP connecting to Outlook.com server has exceeded the connection limit allowed.',
        close: true,
      },
      tooManyMessages: { reply: '421 The mail server {ip} has exceeded maximum number of messages per connection', close: true },
      unknownUser: { reply: '550 5.5.0 Requested action not taken: mailbox unavailable' },
      greylisted: GREYLISTED,
    },
  },
  {
    name: 'microsoft-365',
    mx: [{ host: 'customers.mail.protection.outlook.com', preference: 0 }],
    domains: ['*.customers.example'],
    startTls: true,
    allowance: { first: 120, most: 40_000, growth: 2.5 },
    badHour: { chance: 0.001, mood: 0.5 },
    maxConnections: 40,
    maxMessagesPerConnection: 200,
    unknownUsers: 0.012,
    refusesAt: 'mail',
    says: {
      over: { reply: '451 4.7.500 Server busy. Please try again later from [{ip}]. (S77719)' },
      wellAbove: { reply: '451 4.7.550 Access denied, please try again later' },
      blocked: {
        reply:
          '550 5.7.606 Access denied, banned sending IP [{ip}]. To request removal from this list please visit https://sender.office.com/ and follow the directions.',
      },
      tooManyConnections: {
        reply: '421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel',
        close: true,
      },
      tooManyMessages: { reply: '421 4.4.2 Message submission rate for this client has exceeded the configured limit', close: true },
      unknownUser: { reply: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup' },
      greylisted: GREYLISTED,
    },
  },
  {
    name: 'google',
    mx: [
      { host: 'gmail-smtp-in.l.google.com', preference: 5 },
      { host: 'alt1.gmail-smtp-in.l.google.com', preference: 10 },
      { host: 'alt2.gmail-smtp-in.l.google.com', preference: 20 },
    ],
    domains: ['gmail.com', 'googlemail.com', '*.workspace.example'],
    startTls: true,
    allowance: { first: 100, most: 60_000, growth: 2.5 },
    badHour: { chance: 0.002, mood: 0.4 },
    maxConnections: 60,
    maxMessagesPerConnection: 150,
    unknownUsers: 0.006,
    refusesAt: 'message',
    says: {
      over: {
        reply:
          '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\n421-4.7.28 from your IP address. To protect our users from spam, mail has been\n421-4.7.28 temporarily rate limited. For more information, go to\n421 4.7.28 https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp',
        close: true,
      },
      wellAbove: {
        reply:
          '421-4.7.0 This message is suspicious due to the very low reputation of the\n421-4.7.0 sending IP address. To protect our users from spam, mail sent from\n421 4.7.0 your IP address has been temporarily rate limited. - gsmtp',
        close: true,
      },
      blocked: {
        reply:
          '550-5.7.1 [{ip}] Our system has detected an unusual rate of unsolicited mail\n550-5.7.1 originating from your IP address. To protect our users from spam, mail\n550 5.7.1 sent from your IP address has been blocked. - gsmtp',
      },
      tooManyConnections: { reply: '421 4.7.0 Try again later, closing connection. - gsmtp', close: true },
      tooManyMessages: { reply: '421 4.7.0 Try again later, closing connection. - gsmtp', close: true },
      unknownUser: {
        reply:
          "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or unnecessary\n550 5.1.1 spaces. https://support.google.com/mail/?p=NoSuchUser - gsmtp",
      },
      greylisted: GREYLISTED,
    },
  },
  {
    name: 'yahoo',
    mx: [
      { host: 'mta5.am0.yahoodns.net', preference: 1 },
      { host: 'mta6.am0.yahoodns.net', preference: 1 },
      { host: 'mta7.am0.yahoodns.net', preference: 1 },
    ],
    domains: ['yahoo.com', 'ymail.com', 'aol.com'],
    startTls: true,
    allowance: { first: 80, most: 30_000, growth: 2.3 },
    badHour: { chance: 0.004, mood: 0.4 },
    maxConnections: 30,
    maxMessagesPerConnection: 20,
    unknownUsers: 0.01,
    refusesAt: 'mail',
    says: {
      over: {
        reply:
          '421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
        close: true,
      },
      wellAbove: { reply: '421 4.7.0 [TSS05] Messages from {ip} temporarily deferred due to user complaints', close: true },
      blocked: {
        reply:
          '553 5.7.2 [TSS09] All messages from {ip} will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes',
      },
      tooManyConnections: {
        reply: '421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1',
        close: true,
      },
      tooManyMessages: { reply: '421 Max message per connection reached, closing transmission channel', close: true },
      unknownUser: { reply: "554 delivery error: dd This user doesn't have a yahoo.com account ({rcpt}) [0] - mta1061.mail.ne1.yahoo.com" },
      greylisted: GREYLISTED,
    },
  },
  {
    name: 'small-isp',
    mx: [
      { host: 'mx1.small-isp.example', preference: 10 },
      { host: 'mx2.small-isp.example', preference: 20 },
    ],
    domains: ['small-isp.example', 'mail.small-isp.example'],
    startTls: false,
    allowance: { first: 50, most: 5_000, growth: 2.5 },
    badHour: { chance: 0.001, mood: 0.5 },
    maxConnections: 10,
    maxMessagesPerConnection: 100,
    unknownUsers: 0.02,
    greylist: 5 * MINUTE,
    refusesAt: 'mail',
    says: {
      over: { reply: '451 4.7.1 <mx1.small-isp.example[{ip}]>: Client host rejected: Please try again slower' },
      wellAbove: { reply: '452 4.3.2 Connection rate limit exceeded.', close: true },
      blocked: {
        reply: "554-mx1.small-isp.example\n554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
        close: true,
      },
      tooManyConnections: { reply: '421 4.7.0 mx1.small-isp.example Error: too many connections from {ip}', close: true },
      tooManyMessages: { reply: '421 4.7.0 mx1.small-isp.example Error: too many messages on this connection', close: true },
      unknownUser: { reply: '550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in virtual mailbox table' },
      greylisted: GREYLISTED,
    },
  },
];
