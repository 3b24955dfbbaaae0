/**
 * What DKIM costs: messages a second end to end, signed with RSA-2048, with Ed25519 and with both, beside the same mail unsigned,
 * in one run and in turns. A round is worth something only beside the others of its run.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SENDER } from './client.mjs';
import { CONNECTIONS, rampd } from './contenders.mjs';
import { round } from './e2e.mjs';
import { folder } from './place.mjs';
import { median, range, table } from './table.mjs';

const DOMAIN = SENDER.slice(SENDER.indexOf('@') + 1);

/** Writes a key; returns its entry under `dkim:`. */
function entry(dir, selector, { privateKey }) {
  const file = join(dir, `${selector}.pem`);
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return `  - { domain: ${DOMAIN}, selector: ${selector}, key: ${file} }\n`;
}

export async function dkim(options) {
  const dir = folder('keys');
  const rsa = entry(dir, 'rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const ed25519 = entry(dir, 'ed', generateKeyPairSync('ed25519'));
  const kinds = { unsigned: '', 'RSA-2048': rsa, Ed25519: ed25519, both: rsa + ed25519 };
  const bytes = options.bytes ?? 20_480;
  const messages = options.messages ?? 15_000;
  const found = new Map(Object.keys(kinds).map(name => [name, []]));
  for (let i = 0; i < options.rounds; i++) {
    for (const [name, keys] of Object.entries(kinds)) {
      const more = keys === '' ? '' : `dkim:\n${keys}`;
      const result = await round(rampd, { ...options, more }, { bytes, messages });
      found.get(name).push(result);
      if (options.verbose) console.log(`  round ${i + 1}: ${name} ${Math.round(result.rate)}/s, ${Math.round(result.cpu)} µs of CPU each`);
    }
  }
  const unsigned = median(found.get('unsigned').map(r => r.rate));
  table(
    `DKIM, ${Number((bytes / 1024).toFixed(1))} KB end to end, ${CONNECTIONS} sessions in, ${CONNECTIONS} connections out, ${options.rounds} rounds`,
    ['', 'messages/s', 'range', 'CPU µs each', 'event loop µs', 'of the unsigned rate'],
    [...found].map(([name, results]) => {
      const rates = results.map(r => r.rate);
      const [cpu, loop] = [median(results.map(r => r.cpu)), median(results.map(r => r.loop))];
      return [
        name,
        Math.round(median(rates)),
        range(rates),
        Math.round(cpu),
        Math.round(loop),
        `${Math.round((median(rates) * 100) / unsigned)} %`,
      ];
    }),
  );
}
