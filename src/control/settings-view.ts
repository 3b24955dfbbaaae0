/**
 * The settings in force as plain JSON: maps become objects, places become `file:line:col`, Infinity becomes `unlimited`.
 *
 * Passwords never appear, nor the text of certificates; of a webhook, whose path and headers are often a secret, only where it
 * goes. Pure.
 */
import { printPlace, type Place } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';

/** Passwords, and certificates, which are long and stand in a file that is named. */
const SECRET = new Set(['token', 'password', 'pem']);

export function settingsView(settings: Settings): unknown {
  return plain(settings);
}

function isPlace(value: object): value is Place {
  return 'file' in value && 'line' in value && 'col' in value && Object.keys(value).length === 3;
}

function plain(value: unknown): unknown {
  if (value === Infinity) return 'unlimited';
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (isPlace(value)) return printPlace(value);
  const entries = value instanceof Map ? [...value.entries()].map(([key, inner]) => [String(key), inner] as const) : Object.entries(value);
  const shown = entries.filter(([key]) => value instanceof Map || !SECRET.has(key)).map(([key, inner]) => [key, plain(inner)] as const);
  return 'url' in value && typeof value.url === 'string' ? hookView(Object.fromEntries(shown), value.url) : Object.fromEntries(shown);
}

function hookView(shown: Record<string, unknown>, url: string): Record<string, unknown> {
  const { headers, ...rest } = shown;
  return { ...rest, url: `${new URL(url).origin}/…`, headers: Object.keys(headers ?? {}) };
}
