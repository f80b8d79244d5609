// What lies behind a link, to be drawn or shown.

import { useEffect, useState } from "react";
import { readLinked } from "../api/client";
import { asProblem } from "../api/problem";
import type { Problem } from "../api/types";

export interface Linked<T> {
  document: T | null;
  problem: Problem | null;
}

/** The document behind a link, read once: renewed links lead to the same one. */
export function useLinked<T>(url: string | undefined): Linked<T> {
  const [linked, setLinked] = useState<Linked<T>>({ document: null, problem: null });
  const wanted = linked.document || linked.problem ? undefined : url;
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    readLinked(wanted, stop.signal).then(
      (document) => {
        setLinked({ document: document as T, problem: null });
      },
      (thrown: unknown) => {
        if (!stop.signal.aborted) setLinked({ document: null, problem: asProblem(thrown) });
      },
    );
    return () => {
      stop.abort();
    };
  }, [wanted]);
  return linked;
}
