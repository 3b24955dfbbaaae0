/**
 * A message handed in, whatever door it came through: what SMTP and HTTP bring to the intake.
 *
 * Addresses are canonical and were let in already; the body is sound (CRLF lines, within the size) and still as it came.
 */
import { printMessageId, type MessageNumber, type NewRecipient, type Receipt } from '../kernel/message.js';
import type { Priority, WarmUpWish } from '../kernel/settings.js';
import type { Identity } from './identity.js';

export interface Submission {
  readonly identity: Identity;
  /** Reverse path without brackets; '' is the null sender. */
  readonly sender: string;
  readonly recipients: readonly NewRecipient[];
  readonly envid?: string;
  readonly ret?: 'HDRS' | 'FULL';
  /** SMTPUTF8 was said, or an address needs it. */
  readonly utf8: boolean;
  readonly eightBit: boolean;
  /** SMTP unless said. */
  readonly via?: 'api';
  /** The message in pieces. */
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  /** Said beside the message; stronger than its header. For clients that may steer only, but for `job`. */
  readonly wishes?: { readonly pool?: string; readonly job?: string; readonly warmUp?: WarmUpWish; readonly priority?: Priority };
  readonly trace: {
    /** Name given in HELO or EHLO; untrusted. */
    readonly helo: string;
    /** Address of the client. */
    readonly address: string;
    /** The word behind `with` in Received. */
    readonly protocol: string;
  };
  /** Kept with the message. */
  readonly receipt?: Receipt;
  /** Unlike any other on this host; the left side of a Message-ID that has to be made. */
  readonly unique: string;
}

/** What the store promised. */
export interface Taken {
  readonly number: MessageNumber;
  /** As printMessageId prints it. */
  readonly id: string;
}

export const taken = (node: number, number: MessageNumber): Taken => ({ number, id: printMessageId(node, number) });
