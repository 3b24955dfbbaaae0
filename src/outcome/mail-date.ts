/**
 * The date as mail headers write it (RFC 5322 §3.3), always in UTC.
 */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

let lastSecond = NaN;
let lastText = '';

/** `Mon, 20 Nov 2023 12:00:00 +0000` for an epoch in milliseconds. The last second's text is remembered: mail comes in bursts. */
export function mailDate(epoch: number): string {
  const second = Math.floor(epoch / 1_000);
  if (second === lastSecond) return lastText;
  const date = new Date(second * 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  lastText = `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
  lastSecond = second;
  return lastText;
}
