/**
 * Which provider a host goes to, where two claim it. Hosts go to the first provider whose patterns match all hosts of a domain,
 * so a provider may get fewer than it says, or none. Warnings; pure.
 */
import { printPlace } from '../kernel/fault.js';
import type { Provider } from '../kernel/settings.js';
import { globMatches } from '../kernel/text.js';
import type { Findings } from './findings.js';

/** In the order in which they are asked. */
export function lintClaims(providers: readonly Provider[], findings: Findings): void {
  providers.forEach((provider, i) => {
    const before = providers.slice(0, i);
    const taker = provider.domains.length === 0 && provider.mx.length > 0 && before.find(other => takesAll(other, provider));
    if (taker) unreachable(provider, taker, findings);
    else for (const other of before) overlaps(provider, other, findings);
  });
}

function unreachable(provider: Provider, taker: Provider, findings: Findings): void {
  findings.warn(provider.from, {
    code: 'unreachable-provider',
    what: `nothing maps to provider ${provider.name}: every host of its mx belongs to ${taker.name} (${printPlace(taker.from)}), so its limits and rules never apply`,
    hint: `put its limits and rules under providers: ${taker.name}, or claim its recipient domains under domains:`,
  });
}

/** Two patterns that claim the same hosts: which provider wins would be an accident of order. The same pattern twice is a fault. */
function overlaps(provider: Provider, other: Provider, findings: Findings): void {
  for (const a of other.mx)
    for (const b of provider.mx) {
      if (a === b || !(globMatches(a, filled(b, 'x')) || globMatches(b, filled(a, 'x')))) continue;
      findings.warn(provider.from, {
        code: 'overlap',
        what: `${b} of provider ${provider.name} and ${a} of ${other.name} (${printPlace(other.from)}) can match the same host`,
        hint: 'a host belongs to one provider: make one pattern narrower',
      });
    }
}

/** One provider has to match all hosts of a domain, so all patterns have to be covered by the same one. */
function takesAll(taker: Provider, provider: Provider): boolean {
  return provider.mx.every(glob => taker.mx.some(wider => covers(wider, glob)));
}

/** Does `wider` match all that `glob` matches? Tried on a few names of every length; both are short patterns on host names. */
function covers(wider: string, glob: string): boolean {
  return wider !== glob && ['', 'x', 'xx', 'x.y', 'x-1.y-2'].every(fill => globMatches(wider, filled(glob, fill)));
}

function filled(glob: string, fill: string): string {
  return glob.replaceAll('*', fill).replaceAll('?', 'z');
}
