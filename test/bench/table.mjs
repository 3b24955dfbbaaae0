/** Medians and tables of a benchmark's output. */

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const range = numbers => `${Math.round(Math.min(...numbers))} to ${Math.round(Math.max(...numbers))}`;

/** First column to the left, the others to the right. */
export function table(title, head, rows) {
  const lines = [head, ...rows].map(cells => cells.map(String));
  const widths = head.map((_, i) => Math.max(...lines.map(cells => cells[i].length)));
  console.log(`\n${title}`);
  for (const cells of lines)
    console.log(`  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')}`);
}
