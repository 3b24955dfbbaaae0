/** Addresses, sizes and rates on the command line, refused with a sentence. */
import { InvalidArgumentError } from 'commander';
import { readListen, readSmtpHost } from '../config/address.js';
import { parseRate, parseSize, perHour, type Parsed } from '../kernel/units.js';

/** `127.0.0.1:2525`, `[::1]:2525`; port 0 takes any free one. */
export function listenAddress(text: string): { readonly address: string; readonly port: number } {
  return read(readListen(text));
}

/** A host name or address and a port; port 25 when none is said. */
export function serverAddress(text: string): { readonly host: string; readonly port: number } {
  const { host, port } = read(readSmtpHost(text));
  return { host, port: port ?? 25 };
}

/** `200/h`, `50/s`, `unlimited`; in messages an hour. */
export function hourly(text: string): number {
  const rate = read(parseRate(text));
  if (rate.count === 0) throw new InvalidArgumentError('It must be more than none.');
  return perHour(rate);
}

/** `4KB`; in octets. */
export function octets(text: string): number {
  return read(parseSize(text));
}

/** Port numbers; 0 takes any free one. */
export function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It must be a port number.');
  return Number(text);
}

function read<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new InvalidArgumentError(`It must be ${parsed.allowed}.`);
  return parsed.value;
}
