/**
 * What TLS connections to receivers share: the oldest version allowed and the trusted roots. Making one reads every root
 * there is, so it is made once for the settings in force.
 */
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { TLS_DEFAULTS, type TlsSettings } from '../kernel/settings.js';

export function contextMaker(): (settings: TlsSettings | undefined) => SecureContext {
  let made: { readonly of: TlsSettings; readonly context: SecureContext } | undefined;
  return (settings = TLS_DEFAULTS) => {
    if (made?.of !== settings) {
      const { minVersion, ca } = settings;
      made = { of: settings, context: createSecureContext({ minVersion, ...(ca && { ca: [...rootCertificates, ca.pem] }) }) };
    }
    return made.context;
  };
}
