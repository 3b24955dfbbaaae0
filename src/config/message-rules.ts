/**
 * What the configuration says about messages as they are handed in: `max-loop-count`, `strip-headers`, `max-header-size`,
 * `max-line-length`.
 */
import { MESSAGE_RULES, type MessageRules } from '../kernel/message-rules.js';
import type { SettingsText } from './settings.js';

export function readMessageRules(text: SettingsText): MessageRules {
  return {
    maxLoopCount: text.section('max-loop-count') ?? MESSAGE_RULES.maxLoopCount,
    stripHeaders: text.section('strip-headers') ?? MESSAGE_RULES.stripHeaders,
    maxHeaderSize: text.section('max-header-size') ?? MESSAGE_RULES.maxHeaderSize,
    maxLineLength: text.section('max-line-length') ?? MESSAGE_RULES.maxLineLength,
  };
}
