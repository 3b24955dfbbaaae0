/**
 * What a message must be like to be taken, and which header fields it loses: defaults and limits of acceptance.
 */

export interface MessageRules {
  /**
   * Times a message may have passed through this host already (Received fields by our host name), or been delivered to one of
   * its recipients (Delivered-To fields that name it). Infinity: not counted.
   */
  readonly maxLoopCount: number;
  /** Names of header fields that are removed, lower-case. */
  readonly stripHeaders: readonly string[];
  /** Bytes of the header. */
  readonly maxHeaderSize: number;
  /** Octets of a line without its CRLF. Infinity: as long as they come. */
  readonly maxLineLength: number;
}

/**
 * Fields removed unless the configuration says otherwise. Return-Path: only the last server writes it, and mail that is sent
 * must not have one (RFC 5321 §4.4). Bcc and Resent-Bcc: who hands in a message names its recipients in the envelope, and the
 * field would show the hidden ones to everybody (RFC 5322 §3.6.3, §5). RFC 6376 §5.4 advises against signing Return-Path, and
 * nobody signs Bcc, so that a signature made before survives.
 */
const STRIPPED = ['return-path', 'bcc', 'resent-bcc'] as const;

export const MESSAGE_RULES: MessageRules = {
  maxLoopCount: 5,
  stripHeaders: STRIPPED,
  maxHeaderSize: 256 * 1024,
  maxLineLength: Infinity,
};
