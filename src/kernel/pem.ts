/**
 * PEM (RFC 7468) as far as it is looked at: which blocks of certificates a text has. Pure.
 */
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export const certificatesIn = (text: string): readonly string[] => text.match(BLOCK) ?? [];
