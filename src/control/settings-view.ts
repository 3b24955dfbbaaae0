/**
 * The settings in force as plain JSON: maps become objects, places become `file:line:col`, Infinity becomes `unlimited`.
 *
 * Passwords never appear, nor the text of certificates. Pure.
 */
import { printPlace, type Place } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';

/** Passwords, and certificates, which are long and stand in a file that is named. */
const SECRET = new Set(['password', 'pem']);

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
  return Object.fromEntries(entries.filter(([key]) => value instanceof Map || !SECRET.has(key)).map(([key, inner]) => [key, plain(inner)]));
}
