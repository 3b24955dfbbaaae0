/**
 * One address that an attempt may connect to, and what came of it.
 */
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { LaneLimits } from '../kernel/governor.js';
import type { Phase, Reply } from '../kernel/reply.js';
import type { Source } from '../kernel/settings.js';
import type { HostTls, TlsPolicy } from '../kernel/tls.js';
import type { MxHost } from '../route/router.js';
import type { DialogueTap } from './dialogue.js';

export interface Target {
  readonly source: Source;
  readonly provider: string;
  /** Whose policies a connection to a host is counted for. */
  readonly sharing: (host: string) => readonly TlsPolicy[];
  readonly host: MxHost;
  readonly address: string;
  readonly limits: LaneLimits;
  /** What the host's policy says, as far as it is known. */
  readonly tls: HostTls;
}

export interface Opened {
  readonly connection: SMTPConnection;
  /** As it was when the connection was made: a reload may give its name another address. */
  readonly source?: Source;
  readonly host: string;
  readonly address: string;
  readonly tls: boolean;
  /** By a policy: the certificate names the host, or is the one of its TLSA records. */
  readonly verified?: boolean;
  /** Where what is said on it can be heard. */
  readonly dialogue?: DialogueTap;
}

export interface Failed {
  readonly reply: Reply;
  readonly phase: Phase;
  readonly host: string;
}

/** What the opener knows and the connector does not. */
export interface Leave {
  /** Would the provider's other hosts say the same? */
  aboutUs(failed: Failed): boolean;
  /** The receiver is about to see another connection: may it? */
  another(): boolean;
}
