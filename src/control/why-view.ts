/**
 * What `why` answers: GET /v1/why and `rampd why --json`. Pure data.
 */
import type { MessageView, ReasonView, SourceView, VerdictView, WindowView } from './view.js';

/** unreachable: tried after the others; broken-tls: mail goes there in the clear. */
export interface HostTroubleView {
  host: string;
  address: string;
  kind: 'unreachable' | 'broken-tls';
  until: string;
  why: string;
}

/** Answer to `why`: the binding reason first, all others behind it. */
export interface WhyView {
  what: 'message' | 'lane' | 'source';
  name: string;
  /** One sentence. */
  summary: string;
  /**
   * `windows`: those in force on the lane, also while they do not bind; `hosts`: its MX hosts that are not used as others are;
   * `waiting`: recipients that wait although the lane goes, where the question was not about one of them.
   */
  lanes: {
    lane: string;
    verdict: VerdictView;
    without: string | null;
    windows?: WindowView[];
    hosts?: HostTroubleView[];
    waiting?: number;
  }[];
  /** What keeps mail back whatever a lane says: of a recipient (its next attempt, its route), or of a source without lanes. */
  holds?: { what: string; until: string | null; because: ReasonView[]; without: string | null }[];
  /** Recipients of its queues that are due before the message. */
  ahead?: number;
  /** Of pools without a warm source: how much of what waits will expire. */
  forecast?: string[];
  message?: MessageView;
  source?: SourceView;
}
