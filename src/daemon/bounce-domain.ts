/**
 * Which of the bounce domains mail of a sender domain leaves with: the one that shares the most labels with it, from the
 * right, at least two, so that SPF aligns with the author's domain (RFC 7489 §3.1.2); else the first. Pure.
 */
export function bounceDomainFor(sender: string, domains: readonly string[]): string | undefined {
  let best = domains[0];
  let most = 1;
  for (const domain of domains) {
    const n = shared(sender, domain);
    if (n > most) [best, most] = [domain, n];
  }
  return best;
}

function shared(a: string, b: string): number {
  const [x, y] = [a.split('.').reverse(), b.split('.').reverse()];
  let n = 0;
  while (n < x.length && x[n] === y[n]) n++;
  return n;
}
