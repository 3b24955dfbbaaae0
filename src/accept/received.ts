/**
 * The Received field we put in front of every message (RFC 5321 §4.4). Pure.
 */

export interface Trace {
  /** Name given in HELO or EHLO; untrusted. */
  readonly helo: string;
  /** Address of the client. */
  readonly address: string;
  readonly by: string;
  readonly protocol: string;
  readonly id: string;
  /** Named only when the message has one recipient: nobody learns of another. */
  readonly recipient?: string;
  /** From mailDate. */
  readonly date: string;
}

export function receivedField(trace: Trace): string {
  const from = trace.helo.replace(/[^a-z0-9.:[\]_-]/gi, '?') || 'unknown';
  const literal = trace.address.includes(':') ? `IPv6:${trace.address}` : trace.address;
  const recipient = trace.recipient === undefined ? '' : `\r\n\tfor <${trace.recipient}>`;
  return `Received: from ${from} ([${literal}])\r\n\tby ${trace.by} with ${trace.protocol} id ${trace.id}${recipient};\r\n\t${trace.date}\r\n`;
}
