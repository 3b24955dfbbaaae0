/**
 * `why`: for a message, a lane or a source, every lane that could carry it with its verdict, the binding reason first, and
 * what would be without that reason.
 */
import { Refusal } from '../control/operations.js';
import { reasonText } from '../control/reason-text.js';
import type { WhyView } from '../control/why-view.js';
import { whySummary } from '../control/views.js';
import { parseMessageId } from '../kernel/message.js';
import type { LaneName } from '../kernel/verdict.js';
import { expiring, laneWhy, type WhyParts } from './why-lane.js';
import { whyMessage } from './why-message.js';

/** Of a source; each is asked for its verdict. */
const MOST_LANES = 1_000;

export async function whyOf(target: string, parts: WhyParts): Promise<WhyView> {
  const id = parseMessageId(target);
  if (id) return whyMessage(target, id.number, parts);
  if (target.includes('/')) return whyLaneNamed(target, parts);
  const source = parts.sources.find(s => s.name === target);
  if (!source) throw new Refusal(`there is no message, lane or source called ${target}`);
  const lanes = parts.laneNames(MOST_LANES, target).map(lane => laneWhy(lane, {}, parts));
  const [first, second] = source.because;
  // Without a lane in use nobody else would say what keeps the source from sending.
  const alone = lanes.length === 0 && first !== undefined;
  const without = second === undefined ? parts.iso(parts.clock.now()) : second.until;
  return {
    what: 'source',
    name: target,
    summary: `${target} is ${source.state}; ${alone ? reasonText(first) : whySummary(target, lanes)}`,
    lanes,
    ...(alone ? { holds: [{ what: target, until: first.until, because: source.because, without }] } : {}),
    ...expiring(poolsOf(target, parts), parts),
    source,
  };
}

function whyLaneNamed(target: string, parts: WhyParts): WhyView {
  const slash = target.indexOf('/');
  const name: LaneName = { source: target.slice(0, slash), provider: target.slice(slash + 1) };
  const known =
    parts.settings().sources.has(name.source) && (parts.settings().providers.has(name.provider) || parts.dispatcher.lanes.all.has(target));
  if (!known) throw new Refusal(`there is no lane ${target}: a lane is source/provider, as \`rampd show lanes\` lists them`);
  const lanes = [laneWhy(name, {}, parts)];
  return { what: 'lane', name: target, summary: whySummary(target, lanes), lanes, ...expiring(poolsOf(name.source, parts), parts) };
}

const poolsOf = (source: string, { settings }: WhyParts): string[] =>
  [...settings().pools.values()].filter(pool => pool.sources.some(s => s.source === source)).map(pool => pool.name);
