/**
 * Provider files for tests: those that are shipped, read once, and those a test writes itself.
 */
import { memoryFiles, nodeFiles, shippedFolder } from '../../src/config/files.js';
import { loadProviders } from '../../src/config/library.js';
import { printFault } from '../../src/kernel/fault.js';
import type { Phase, ReplyMatch } from '../../src/kernel/reply.js';
import type { Provider } from '../../src/kernel/settings.js';
import { Classifier } from '../../src/outcome/classify.js';
import { parseReply } from '../../src/outcome/reply.js';

export const shipped = loadProviders(nodeFiles(import.meta.dirname), [shippedFolder()]);
export const classifier = new Classifier(shipped.providers);

/** Provider name → its YAML without `name` and `mx`. */
export function written(files: Readonly<Record<string, string>>): ReadonlyMap<string, Provider> {
  const texts = Object.entries(files).map(([name, rest]) => [
    `s/providers/${name}.yaml`,
    `name: ${name}\n${name === 'generic' ? '' : `mx: ["*.${name}.example"]\n`}${rest}\n`,
  ]);
  const { providers, faults } = loadProviders(memoryFiles(Object.fromEntries(texts) as Record<string, string>), [
    { path: 's', shown: 's' },
  ]);
  if (faults.length > 0) throw new Error(faults.map(printFault).join('\n'));
  return providers;
}

export function judge(
  raw: string,
  where: { provider?: string; at?: Phase; domain?: string } = {},
  by: Classifier = classifier,
): ReplyMatch {
  const { provider = 'generic', at = 'rcpt', domain = 'example.com' } = where;
  return by.classify(parseReply(raw), { provider, phase: at, recipientDomain: domain });
}
