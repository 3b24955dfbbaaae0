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
  const everybody = claims.map((_, i) => i);
  const own = everybody.filter(i => (claims[i] as Claim).slots < all);
  const given = fill(shares, claims, own, all * OWN_FIRST);
  fill(shares, claims, everybody, all - given);
  return shares;
}

/**
 * Whole slots of shares, in the same order: their sum is that of the shares, rounded up once. Were each rounded up, a source with
 * ten slots would keep one message of each of a thousand destinations. Pure.
 */
export function wholeSlots(shares: readonly number[]): number[] {
  let sum = 0;
  let given = 0;
  return shares.map(share => {
    sum += share;
    // What fractions leave when they should have added up to a whole number.
    const slots = Math.ceil(sum - 1e-6) - given;
    given += slots;
    return slots;
  });
}

/** Shares `amount` in proportion to what is due, nobody above what it can use; returns what was given. */
function fill(shares: number[], claims: readonly Claim[], who: readonly number[], amount: number): number {
  let left = amount;
  let open = who;
  while (left > 1e-9 && open.length > 0) {
    const room = open
      .map(i => ({ i, due: claims[i]!.due, room: Math.min(claims[i]!.slots, claims[i]!.due) - shares[i]! }))
      .filter(r => r.room > 1e-9);
    const total = room.reduce((sum, r) => sum + r.due, 0);
    if (total === 0) break;
    const before = left;
    for (const r of room) {
      const part = Math.min(r.room, (before * r.due) / total);
      shares[r.i] = shares[r.i]! + part;
      left -= part;
    }
    open = room.map(r => r.i);
  }
  return amount - left;
}
