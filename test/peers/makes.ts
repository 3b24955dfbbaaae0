/**
 * The receivers that every test of this folder's kind is run against, and where they differ.
 */
import { Exim, noExim } from './exim.js';
import { noOpenSmtpd, noOpenSmtpdTls, OpenSmtpd } from './opensmtpd.js';
import { Policy } from './policy.js';
import { noPostfix, Postfix } from './postfix.js';
import type { ReceiverOptions } from './receiving.js';
import type { Running } from './running.js';

interface Make {
  readonly name: string;
  readonly label: string;
  /** Why there is none here. */
  readonly missing: string | undefined;
  /** Why its TLS cannot be relied upon: rampd has to make do. */
  readonly brokenTls: string | undefined;
  readonly smtpUtf8: boolean;
  /** May offer TLS to some clients only; OpenSMTPD differs by its own address. */
  readonly choosesClients: boolean;
  /** May be told how long it waits for a client; OpenSMTPD waits five minutes. */
  readonly impatient: boolean;
  /** Its reports name what RFC 3461 has them name; OpenSMTPD's do not. */
  readonly namesOriginals: boolean;
  start(options: ReceiverOptions & { readonly policy: Policy }): Promise<Running>;
}

export const MAKES: readonly Make[] = [
  {
    name: 'Exim',
    label: 'exim',
    missing: noExim,
    brokenTls: undefined,
    smtpUtf8: true,
    choosesClients: true,
    impatient: true,
    namesOriginals: true,
    start: o => Exim.start(o),
  },
  {
    name: 'OpenSMTPD',
    label: 'opensmtpd',
    missing: noOpenSmtpd,
    brokenTls: noOpenSmtpdTls,
    smtpUtf8: false,
    choosesClients: false,
    impatient: false,
    namesOriginals: false,
    start: o => OpenSmtpd.start(o),
  },
  {
    name: 'Postfix',
    label: 'postfix',
    missing: noPostfix,
    brokenTls: undefined,
    smtpUtf8: true,
    choosesClients: true,
    impatient: true,
    namesOriginals: true,
    start: o => Postfix.start(o),
  },
];

export interface Peer {
  readonly receiver: Running;
  readonly policy: Policy;
}

/** Starts one of each that can be had, and puts it among `running` by its label; rejects when one of them fails. */
export async function startAll(running: Map<string, Peer>, options: (make: Make) => Omit<ReceiverOptions, 'policy'>): Promise<void> {
  const started = await Promise.allSettled(
    MAKES.filter(make => make.missing === undefined).map(async make => {
      const policy = await Policy.start();
      running.set(make.label, { receiver: await make.start({ ...options(make), policy }), policy });
    }),
  );
  for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
}

export async function stopAll(running: ReadonlyMap<string, Peer>): Promise<void> {
  const stop = async ({ receiver, policy }: Peer): Promise<void> => {
    await receiver.stop();
    await policy.stop();
  };
  await Promise.all([...running.values()].map(stop));
}
