/**
 * Does a host answer on its SMTP port when a source asks? Connects from the source's address, reads the greeting and the
 * answer to EHLO, and leaves with QUIT: no mail, no TLS.
 *
 * Never rejects; bounded in time and bytes. Every probe is a connection that the receiver counts: few, and only to hosts an
 * operator named or the daemon mails anyway.
 */
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { CheckView } from '../../control/doctor-view.js';
import type { SmtpProbe } from '../../kernel/doctor.js';
import type { Source } from '../../kernel/settings.js';
import { SECOND, type Ms } from '../../kernel/units.js';
import { dial } from '../../deliver/dial.js';
import type { DnsPort } from '../../route/dns.js';
import { check } from './check.js';

export interface ProbeOptions {
  readonly dns: Pick<DnsPort, 'a' | 'aaaa'>;
  /** Real time for each step. */
  readonly patience?: Ms;
}

const PATIENCE: Ms = 10 * SECOND;
const MOST_BYTES = 16 * 1024;

/** One line for each host. Where one host answered, another that did not is a warning: the way out is open. */
export async function checkPort(source: Source, probes: readonly SmtpProbe[], options: ProbeOptions): Promise<CheckView[]> {
  if (probes.length === 0)
    return [check('port', 'unknown', 'no host was tried', { mend: 'name one with --probe HOST, or under doctor: { probe: [HOST] }' })];
  const seen = await Promise.all(probes.map(probe => tried(source, probe, options)));
  const open = seen.some(({ state }) => state === 'ok' || state === 'warn');
  return seen.map(view => (view.state === 'fail' && open ? { ...view, state: 'warn' as const } : view));
}

async function tried(source: Source, { host, port }: SmtpProbe, { dns, patience = PATIENCE }: ProbeOptions): Promise<CheckView> {
  const family = isIP(source.address);
  const about = port === 25 ? host : `${host}:${port}`;
  const said = (state: CheckView['state'], text: string, mend?: string): CheckView =>
    check('port', state, text, { about, ...(mend !== undefined && { mend }) });
  const found = isIP(host) ? undefined : await (family === 4 ? dns.a(host) : dns.aaaa(host));
  if (found?.kind === 'failed') return said('unknown', found.text);
  const address = found === undefined ? host : found.kind === 'found' ? found.records[0] : undefined;
  if (address === undefined || isIP(address) !== family) return said('unknown', `it has no IPv${family} address`);
  const socket = await dial(source.address, address, port, patience);
  if (socket instanceof Error)
    return said(
      'fail',
      `no connection from ${source.address}: ${socket.message}`,
      'many networks close port 25: ask the provider to open it, and look at the firewall',
    );
  try {
    const wire = new Wire(socket, patience);
    const greeting = await wire.reply();
    if (!greeting.startsWith('220')) return said('fail', `refuses ${source.address}: ${greeting}`, 'the reply names the reason');
    socket.write(`EHLO ${source.hostName}\r\n`);
    const ehlo = await wire.reply();
    socket.end('QUIT\r\n');
    if (!ehlo.startsWith('250')) return said('warn', `greets, and refuses EHLO ${source.hostName}: ${ehlo}`, 'the reply names the reason');
    const tls = /^250[ -]STARTTLS\b/im.test(ehlo);
    return said(
      tls ? 'ok' : 'warn',
      `"${greeting.split('\n')[0] ?? ''}", STARTTLS ${tls ? 'offered' : 'not offered: something on the way may take it out'}`,
    );
  } catch (error) {
    return said('fail', `connected, but ${(error as Error).message}`, 'something on the way may swallow SMTP');
  } finally {
    socket.destroy();
  }
}

/** Replies from a socket, one by one. */
class Wire {
  #text = '';
  #wake: () => void = () => undefined;
  #over = false;

  constructor(
    socket: Socket,
    private readonly patience: Ms,
  ) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(0, MOST_BYTES);
      this.#wake();
    });
    socket.on('close', () => {
      this.#over = true;
      this.#wake();
    });
  }

  /** A whole reply, lines joined by \n. Rejects when none comes. */
  async reply(): Promise<string> {
    const end = performance.now() + this.patience;
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r?\n/.exec(this.#text)?.[0];
      if (whole !== undefined) {
        this.#text = this.#text.slice(whole.length);
        return whole.replaceAll('\r', '').trim();
      }
      if (this.#over) throw new Error('it hung up without a reply');
      const left = end - performance.now();
      if (left <= 0 || this.#text.length >= MOST_BYTES) throw new Error(`no reply came within ${Math.round(this.patience / SECOND)} s`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
