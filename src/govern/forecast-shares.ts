/**
 * Shares a whole number of slots among those who want some: in proportion to what each has waiting, nobody above its room.
 * Pure; the sum is the amount, or all the room there is.
 */
export interface Want {
  /** What it has to send; a whole number. */
  readonly waiting: number;
  /** The most it may have; a whole number or Infinity. */
  readonly room: number;
}

export function shareOut(amount: number, wants: readonly Want[]): number[] {
  const shares = wants.map(() => 0);
  const most = wants.map(w => Math.max(0, Math.min(w.waiting, w.room)));
  let left = Math.min(
    amount,
    most.reduce((a, b) => a + b, 0),
  );
  while (left > 0) {
    const open = wants.map((_, i) => i).filter(i => (shares[i] as number) < (most[i] as number));
    const total = open.reduce((sum, i) => sum + (wants[i] as Want).waiting, 0);
    let given = 0;
    for (const i of open) {
      const part = Math.min((most[i] as number) - (shares[i] as number), Math.floor((left * (wants[i] as Want).waiting) / total));
      shares[i] = (shares[i] as number) + part;
      given += part;
    }
    // Fewer are left than there are takers: those with the most waiting have one each.
    if (given === 0) {
      for (const i of open.sort((a, b) => (wants[b] as Want).waiting - (wants[a] as Want).waiting || a - b).slice(0, left)) {
        shares[i] = (shares[i] as number) + 1;
        given++;
      }
    }
    left -= given;
  }
  return shares;
}
