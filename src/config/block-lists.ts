/**
 * The block lists that come with the package: schedules/dnsbl/lists.yaml, and what is known of each.
 *
 * A zone that only the configuration names is a list too: nothing but its zone is known then. Faults of the file come back
 * beside what could be read.
 */
import { join } from 'node:path';
import type { Fault } from '../kernel/fault.js';
import type { FileReader, Folder } from './files.js';
import { take } from './check.js';
import { Findings } from './findings.js';
import { flag, listOf, mapping, namesTo } from './shape.js';
import { domain, textOf } from './words.js';
import { YamlText } from './yaml-text.js';

export interface BlockList {
  readonly zone: string;
  readonly name: string;
  /** What a listing means for mail. */
  readonly means?: string;
  /** Where to ask to be taken off. */
  readonly delist?: string;
  readonly ipv6: boolean;
  /** What single answers say. */
  readonly answers: Readonly<Record<string, string>>;
}

const shape = mapping('the block lists', {
  lists: listOf(
    'block lists',
    mapping('a block list', {
      zone: domain,
      name: textOf('the name of the list'),
      means: textOf('what a listing means'),
      delist: textOf('where to ask to be taken off'),
      ipv6: flag('it knows IPv6 addresses').optional(),
      answers: namesTo('answers and what they say', textOf('what the answer says')).optional(),
    }),
  ),
});

export function shippedLists(
  read: FileReader,
  shipped: Folder,
): { readonly lists: readonly BlockList[]; readonly faults: readonly Fault[] } {
  const file = join(shipped.shown, 'dnsbl', 'lists.yaml');
  const findings = new Findings(file);
  const yaml = YamlText.read(file, read.text(join(shipped.path, 'dnsbl', 'lists.yaml')) ?? '', findings);
  const value = yaml && take(shape, yaml, [], yaml.value, findings);
  return {
    lists: (value?.lists ?? []).map(({ ipv6, answers, ...rest }) => ({ ...rest, ipv6: ipv6 ?? false, answers: answers ?? {} })),
    faults: findings.faults,
  };
}

/** The lists to ask: all that are known, or those whose zones are named. */
export function chosenLists(known: readonly BlockList[], zones: readonly string[] | undefined): readonly BlockList[] {
  if (zones === undefined) return known;
  return zones.map(zone => known.find(list => list.zone === zone) ?? { zone, name: zone, ipv6: true, answers: {} });
}
