// The list of tracks as pages of it come in: the first again and again, the others once each.

import type { Track, Tracks } from "../api/types";

export interface Listed {
  tracks: Track[];
  /** Where the next page begins; null when there is none. */
  next: string | null;
}

/** The first page, read anew: its tracks come first, and what was read behind it stays read. */
export function withFirst(known: Listed | null, page: Tracks): Listed {
  return known
    ? { tracks: merged(page.tracks, known.tracks), next: known.next }
    : { tracks: page.tracks, next: page.next_cursor ?? null };
}

/** One page more. */
export function withMore(known: Listed | null, page: Tracks): Listed {
  return { tracks: merged(known?.tracks ?? [], page.tracks), next: page.next_cursor ?? null };
}

/** One page before another, without what both hold. */
function merged(first: Track[], second: Track[]): Track[] {
  const seen = new Set(first.map(({ track_id }) => track_id));
  return [...first, ...second.filter(({ track_id }) => !seen.has(track_id))];
}
