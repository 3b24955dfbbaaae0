/**
 * What GET /v1/trace streams and `rampd trace --json` prints: a line of an SMTP dialogue each, and how many are missing.
 *
 * Texts are printable; bodies and credentials are left out before they come here.
 */
export interface TraceLine {
  /** ISO 8601. */
  at: string;
  source: string;
  provider: string;
  host: string;
  address: string;
  /** Tells connections to the same host apart. */
  connection: number;
  /** `greeting`, `helo`, `mail`, … */
  phase: string;
  side: 'client' | 'server';
  text: string;
  /** The message whose transaction it is. */
  message?: string;
}

/** The reader was too slow: so many lines are missing here. */
export interface TraceGap {
  dropped: number;
}
