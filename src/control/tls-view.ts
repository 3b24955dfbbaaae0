/**
 * What `rampd show tls` and GET /v1/show/tls tell: policies that are known, and how TLS with their domains went.
 */
export interface TlsView {
  readonly policies: readonly {
    readonly domain: string;
    readonly mode: string;
    readonly mx: readonly string[];
    /** ISO 8601, as are all times. */
    readonly fetched: string;
    readonly expires: string;
  }[];
  /** By UTC day, newest first. */
  readonly domains: readonly {
    readonly day: string;
    readonly domain: string;
    /** The day is over and its report was made. */
    readonly reported?: boolean;
    readonly policies: readonly {
      readonly type: string;
      readonly domain: string;
      readonly text: readonly string[];
      readonly mx: readonly string[];
      readonly succeeded: number;
      readonly failed: number;
      readonly failures: readonly {
        readonly failure: string;
        readonly sourceIp: string;
        readonly mxHost: string;
        readonly receivingIp: string;
        readonly detail: string;
        readonly sessions: number;
      }[];
    }[];
  }[];
}
