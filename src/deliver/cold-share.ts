/**
 * How a cold source's slots are shared among the groups (pool x provider) it serves: what each may count on within
 * `cold-wait`, and whose turn it is when the source's pace lets one message go.
 *
 * A provider with a stage of its own has fewer slots than the source; it gets its own first, up to half of the source's,
 * because its day is judged on that lane alone. The rest is shared by what is due. Turns are a stride: a lane's pass grows
 * by messages per slot assigned, and the lane that is furthest behind goes first.
 */

/** The part of a source's slots that providers with their own stage may claim before the rest is shared. */
const OWN_FIRST = 0.5;

export interface Claim {
  /** Slots the lane could use by all its limits, its source's included. */
  readonly slots: number;
  /** Recipients due that may warm. */
  readonly due: number;
}

/** Slots for each claim, in order; their sum is at most the largest claim's slots. Pure. */
export function shareSlots(claims: readonly Claim[]): number[] {
  const all = Math.max(0, ...claims.map(c => c.slots));
  const shares = claims.map(() => 0);
  if (all === 0) return shares;
  const own = claims.map((c, i) => ({ i, want: Math.min(c.slots, c.due) })).filter(({ i }) => (claims[i] as Claim).slots < all);
  const left = all - fill(shares, own, all * OWN_FIRST);
  const rest = claims.map((c, i) => ({ i, want: Math.min(c.slots, c.due) - (shares[i] as number) })).filter(({ want }) => want > 0);
  fill(shares, rest, left);
  return shares;
}

/** Shares `amount` in proportion to what is wanted, nobody more than that; returns what was given. */
function fill(shares: number[], wants: readonly { readonly i: number; readonly want: number }[], amount: number): number {
  const total = wants.reduce((sum, w) => sum + w.want, 0);
  if (total === 0) return 0;
  const part = Math.min(1, amount / total);
  for (const { i, want } of wants) shares[i] = (shares[i] as number) + want * part;
  return total * part;
}
