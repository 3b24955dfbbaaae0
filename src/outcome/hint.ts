/**
 * "Try again in 15 minutes": the delay a receiver asks for, in milliseconds.
 *
 * Remote text: a delay is taken only where words of waiting stand before it, and is at most 24 hours.
 */
import { DAY, HOUR, MINUTE, SECOND, type Ms } from '../kernel/units.js';

export const LONGEST_HINT: Ms = DAY;

/** Cheap test first: most replies ask for nothing. Greylisting filters name the delay alone ("greylisted for 300 seconds"). */
const WAITING = /\b(?:again|back|retry|wait|later|after|resend|gr[ae]y-?list\w*|delay\w*|deferred|throttled)\b/i;
const SPAN =
  /\b(?:in|for|after|wait|within|next|another|least|about|until)[ :=]{1,3}(?:about |at least |another )?(\d{1,6}) ?(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b/i;
const CLOCK = /\b(?:in|for|after|wait) (\d{1,2}):(\d\d):(\d\d)\b/i;
const BARE_SECONDS = /\bretry[- ]after[ :=]{1,3}(\d{1,6})\b/i;

export function hintIn(text: string): Ms | undefined {
  if (!WAITING.test(text)) return undefined;
  const clock = CLOCK.exec(text);
  if (clock) return bounded(Number(clock[1]) * HOUR + Number(clock[2]) * MINUTE + Number(clock[3]) * SECOND);
  const span = SPAN.exec(text);
  if (span) return bounded(Number(span[1]) * unitOf(span[2] ?? ''));
  const seconds = BARE_SECONDS.exec(text);
  return seconds ? bounded(Number(seconds[1]) * SECOND) : undefined;
}

function unitOf(word: string): Ms {
  const letter = word.charAt(0).toLowerCase();
  return letter === 'h' ? HOUR : letter === 'm' ? MINUTE : SECOND;
}

function bounded(ms: Ms): Ms | undefined {
  return ms > 0 ? Math.min(ms, LONGEST_HINT) : undefined;
}
