/** Faults that are answered with another key, so that clients see nothing of them. */

import type { Fault } from './pool.js';

export const HIDDEN: Fault[] = [
  { kind: 'revoked' },
  { kind: 'out_of_credit' },
  { kind: 'organization_disabled' },
  { kind: 'model_forbidden' },
  { kind: 'rate_limited', retry_after_secs: 100 },
  { kind: 'rate_limited_bare' },
  { kind: 'overloaded' },
  { kind: 'internal_error' },
  { kind: 'edge_page', status: 502 },
  { kind: 'garbage_on_wire' },
  { kind: 'reset', at: 'before_head' },
  { kind: 'reset', at: 'after_head' },
];

export const HIDDEN_IN_STREAMS: Fault[] = [
  ...HIDDEN,
  { kind: 'error_event', after_chunks: 0 },
  { kind: 'clean_end', after_chunks: 0 },
  { kind: 'reset', at: { after_chunks: 0 } },
];

/** Faults that come when the client has had three pieces of the answer, and end it. */
export const AFTER_THREE_PIECES: Fault[] = [
  { kind: 'reset', at: { after_chunks: 3 } },
  { kind: 'reset', at: { after_chunks: 3 }, connection: true },
  { kind: 'clean_end', after_chunks: 3 },
];
