/**
 * What `rampd doctor --json` and GET /v1/doctor tell: every check with its state, grouped by what it is about.
 *
 * Texts may quote other hosts; whoever makes a check has made them printable.
 */
export type CheckState = 'ok' | 'warn' | 'fail' | 'unknown';

export interface CheckView {
  /** `ptr`, `helo`, `spf`, … */
  check: string;
  /** What of several the check is about: a domain, a list, a host. */
  about?: string;
  state: CheckState;
  /** What was found, one clause. */
  text: string;
  /** What to do about it. */
  mend?: string;
  /** Records to publish, as lines of a zone file. */
  publish?: string[];
}

export interface DoctorGroup {
  kind: 'source' | 'domain' | 'listener';
  name: string;
  /** Of a source. */
  address?: string;
  hostName?: string;
  checks: CheckView[];
}

export interface DoctorView {
  /** ISO 8601; when the checks began. */
  at: string;
  /** The worst of all: unknown counts as good. */
  state: 'ok' | 'warn' | 'fail';
  counts: Record<CheckState, number>;
  groups: DoctorGroup[];
}

/** The result of these groups as a whole. */
export function doctorView(at: string, groups: DoctorGroup[]): DoctorView {
  const counts: Record<CheckState, number> = { ok: 0, warn: 0, fail: 0, unknown: 0 };
  for (const { checks } of groups) for (const { state } of checks) counts[state]++;
  return { at, state: counts.fail > 0 ? 'fail' : counts.warn > 0 ? 'warn' : 'ok', counts, groups };
}
