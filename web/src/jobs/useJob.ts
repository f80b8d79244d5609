// A job, read again until it has ended.

import { useEffect, useState } from "react";
import { useApi } from "../api/context";
import { ProblemError, asProblem, passes } from "../api/problem";
import type { Job, Problem } from "../api/types";
import { poll } from "../ui/poll";
import { hasEnded } from "./stages";

export interface Watched {
  /** Null until there is one: the job of an upload is made when the upload is noticed. */
  job: Job | null;
  problem: Problem | null;
}

/** Watch a job; `onEnd` is called when it has ended while being watched. */
export function useJob(jobId: string, known: Job | null, onEnd: (job: Job) => void): Watched {
  const api = useApi();
  const [watched, setWatched] = useState<Watched>({ job: known, problem: null });
  const ended = known !== null && hasEnded(known);

  useEffect(() => {
    if (ended) return;
    const stop = new AbortController();
    const look = async (): Promise<string | null> => {
      try {
        const job = await api.job(jobId, stop.signal);
        setWatched({ job, problem: null });
        if (!hasEnded(job)) return `${job.status} ${job.stage ?? ""} ${job.percent}`;
        onEnd(job);
        return null;
      } catch (thrown) {
        if (stop.signal.aborted) return null;
        // Not there yet, or a failure that passes: the next look tells.
        if (thrown instanceof ProblemError && thrown.status === 404) return "not noticed";
        const problem = asProblem(thrown);
        setWatched(({ job }) => ({ job, problem }));
        return passes(thrown) ? problem.code : null;
      }
    };
    void poll(look, stop.signal);
    return () => {
      stop.abort();
    };
  }, [api, jobId, ended, onEnd]);

  return ended ? { job: known, problem: null } : watched;
}
