// What there is to hear of a track beside the track itself.

import type { Job, Track } from "../api/types";
import { hasEnded } from "./stages";

/** Whether a render can be heard, or is on its way. The list of jobs may lag behind the upload; the track's recipe does not. */
export function hasRenders(track: Track, jobs: Job[]): boolean {
  const listed = jobs.some((job) => job.render !== null || (job.recipe !== null && !hasEnded(job)));
  return listed || (!isNoticed(track, jobs) && track.recipe !== null);
}

/** A list of jobs, newest first, with what was read of one of them alone: that never lags. */
export function withJob(jobs: Job[], read: Job): Job[] {
  const others = jobs.filter((job) => job.job_id !== read.job_id);
  return [...others, read].sort((one, other) => other.created_at.localeCompare(one.created_at));
}

/** Whether the job of the upload itself is among these: it has no row until the upload was noticed. */
export function isNoticed(track: Track, jobs: Job[]): boolean {
  return jobs.some((job) => job.job_id === track.ingest_job_id);
}
