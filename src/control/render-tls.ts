/** What `rampd show tls` prints. Pure. */
import { printable } from '../kernel/text.js';
import { page, table, timeText, wrap, type Column, type Screen } from './page.js';
import { numberText } from './reason-text.js';
import type { TlsView } from './tls-view.js';

const TYPE_NAMES: Readonly<Record<string, string>> = { sts: 'MTA-STS', tlsa: 'DANE', 'no-policy-found': 'none' };

export function renderTls({ policies, domains }: TlsView, screen: Screen): string {
  const counted = domains.flatMap(({ day, domain, policies: met }) => met.map(policy => ({ day, domain, policy })));
  const counts: Column<(typeof counted)[number]>[] = [
    { head: 'DAY', cell: c => c.day },
    { head: 'DOMAIN', cell: c => printable(c.domain), gives: true },
    { head: 'POLICY', cell: c => TYPE_NAMES[c.policy.type] ?? c.policy.type },
    { head: 'OF', cell: c => (c.policy.domain === c.domain ? '' : printable(c.policy.domain)), drop: 1 },
    { head: 'WELL', cell: c => numberText(c.policy.succeeded), right: true },
    { head: 'FAILED', cell: c => numberText(c.policy.failed), right: true },
  ];
  const failures = counted.flatMap(({ day, domain, policy }) =>
    policy.failures.flatMap(f => {
      const where = [f.mxHost, f.receivingIp && `[${f.receivingIp}]`].filter(Boolean).join(' ');
      const text = `${day} ${domain}: ${numberText(f.sessions)} × ${f.failure}${where && ` at ${where}`}${f.detail && `: ${f.detail}`}`;
      return wrap(printable(text), screen.width, 2);
    }),
  );
  const known: Column<TlsView['policies'][number]>[] = [
    { head: 'MTA-STS OF', cell: p => printable(p.domain), gives: true },
    { head: 'MODE', cell: p => p.mode },
    { head: 'MX', cell: p => printable(p.mx.join(' ')), gives: true },
    { head: 'FETCHED', cell: p => timeText(p.fetched, screen), drop: 1 },
    { head: 'EXPIRES', cell: p => timeText(p.expires, screen) },
  ];
  return page([
    ...(counted.length > 0 ? table(counts, counted, screen.width) : ['No TLS with a domain that publishes a policy yet.']),
    ...(failures.length > 0 ? ['', ...failures] : []),
    ...(policies.length > 0 ? ['', ...table(known, policies, screen.width)] : []),
  ]);
}
