/**
 * JSON that is safe on a terminal: what JSON.stringify leaves raw (C1 controls, DEL, bidirectional overrides) is escaped.
 *
 * Lossless: parsing gives the value back. JSON.stringify itself escapes C0 controls and lone surrogates.
 */
export function jsonText(value: unknown, indent = 2): string {
  // Control characters cannot stand outside a string in what JSON.stringify made, so escaping them everywhere is exact.
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
