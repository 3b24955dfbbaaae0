/**
 * `doctor:` of the settings: what is looked at from the outside, and when.
 */
export interface DoctorSettings {
  /** undefined: at the start, for those sources whose addresses are routed on the Internet. */
  readonly atStart?: boolean;
  /** Zones of block lists. undefined: those that come with the package. */
  readonly dnsbl?: readonly string[];
  /** Hosts to which each source tries a connection; a host without a port means 25. */
  readonly probe: readonly SmtpProbe[];
}

export interface SmtpProbe {
  readonly host: string;
  readonly port: number;
}
