/** What `rampd trace` prints: a line of dialogue a line. Pure. */
import { page, type Screen } from './page.js';
import { counted } from './reason-text.js';
import type { TraceGap, TraceLine } from './trace-view.js';

export function renderTraceLine(line: TraceLine | TraceGap, { zone }: Pick<Screen, 'zone'> = {}): string {
  if ('dropped' in line)
    return page([
      `… ${counted(line.dropped, 'line')} ${line.dropped === 1 ? 'is' : 'are'} missing here: this reader is slower than the dialogue`,
    ]);
  const { at, source, provider, host, address, connection, phase, side, text } = line;
  return page([
    `${clock(at, zone)} ${source}/${provider} ${host}[${address}] #${connection} ${phase.padEnd(8)} ${side === 'client' ? '→' : '←'} ${text}`,
  ]);
}

/** `14:03:07.123`. */
function clock(at: string, zone: string | undefined): string {
  return new Date(at).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    ...(zone !== undefined && { timeZone: zone }),
  });
}
