/** The part of dns-packet that is used here; the package ships no types. */
declare module 'dns-packet' {
  export interface Question {
    name: string;
    type: string;
    class?: string;
  }
  export interface Answer {
    name: string;
    type: string;
    ttl?: number;
    class?: string;
    data: unknown;
  }
  export interface OptRecord {
    name: string;
    type: 'OPT';
    udpPayloadSize?: number;
    flags?: number;
    options?: unknown[];
  }
  export interface Packet {
    id?: number;
    type?: 'query' | 'response';
    flags?: number;
    questions?: Question[];
    answers?: Answer[];
    authorities?: Answer[];
    additionals?: (Answer | OptRecord)[];
  }
  export const AUTHORITATIVE_ANSWER: number;
  export const TRUNCATED_RESPONSE: number;
  export const RECURSION_DESIRED: number;
  export const AUTHENTIC_DATA: number;
  export const DNSSEC_OK: number;
  export function encode(packet: Packet): Buffer;
  /** Throws on anything that is no DNS message. */
  export function decode(buffer: Buffer): Packet & { questions: Question[]; additionals: (Answer | OptRecord)[] };
}
