// Links to files end after some minutes; here they are kept working for as long as a page shows them.

import { useCallback, useEffect, useState } from "react";
import { asProblem, passes } from "../api/problem";
import type { Link, Problem } from "../api/types";

/** Links by what they lead to, as the API answers them. */
type Linked = Record<string, Link | null | undefined>;

export interface Kept<T> {
  /** The last that came; those whose renewal failed may work a while longer. */
  links: T | null;
  /** Why the last attempt brought none. */
  problem: Problem | null;
  /** How long to wait before they are asked for again, in ms; null when asking again would not help. */
  wait_ms: number | null;
}

// New ones are fetched this long before the first of them ends.
const AHEAD_MS = 60_000;
// Not more often than this, even if the visitor's clock is fast, and this soon after a failure that passes.
const SHORTEST_MS = 30_000;

export function received<T extends Linked>(links: T, now: number): Kept<T> {
  const ends = Object.values(links).flatMap((link) => (link ? [Date.parse(link.expires_at)] : []));
  return { links, problem: null, wait_ms: Math.max(Math.min(...ends) - AHEAD_MS - now, SHORTEST_MS) };
}

export function refused<T>(known: Kept<T>, thrown: unknown): Kept<T> {
  return { links: known.links, problem: asProblem(thrown), wait_ms: passes(thrown) ? SHORTEST_MS : null };
}

/** Read links and keep them working; `read` must stay the same from one rendering to the next. */
export function useLinks<T extends Linked>(read: () => Promise<T>) {
  const [kept, setKept] = useState<Kept<T>>({ links: null, problem: null, wait_ms: null });
  const renew = useCallback(async () => {
    try {
      const links = await read();
      setKept(received(links, Date.now()));
      return links;
    } catch (thrown) {
      setKept((known) => refused(known, thrown));
      return null;
    }
  }, [read]);
  useEffect(() => void renew(), [renew]);
  // Every answer is an object of its own, so each begins a wait of its own.
  useEffect(() => {
    if (kept.wait_ms === null) return;
    const timer = setTimeout(() => void renew(), kept.wait_ms);
    return () => {
      clearTimeout(timer);
    };
  }, [kept, renew]);
  return { links: kept.links, problem: kept.problem, renew };
}
