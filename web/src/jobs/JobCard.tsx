// One job: its stages while it runs, why it failed, or what it made.

import type { Job, Track } from "../api/types";
import { Result } from "../listen/Result";
import { ProblemNote } from "../ui/ProblemNote";
import { told } from "../upload/recipe";
import { hasEnded, saidOf, stepsOf } from "./stages";
import { useJob } from "./useJob";

interface Props {
  jobId: string;
  known: Job | null;
  track: Track;
  onEnd: (job: Job) => void;
}

export function JobCard({ jobId, known, track, onEnd }: Props) {
  const { job, problem } = useJob(jobId, known, onEnd);
  const recipe = job ? job.recipe : track.recipe;
  const title = recipe ? told(recipe) : "Analysis";
  const said = job ? saidOf(job) : "Waiting for the upload to be noticed";
  return (
    <article className="card job" aria-labelledby={`title-${jobId}`} data-status={job?.status ?? "unnoticed"}>
      <h2 id={`title-${jobId}`}>{title}</h2>
      {!(job && hasEnded(job)) && (
        <>
          {job && <Steps job={job} />}
          <progress max={100} value={job?.percent ?? 0} aria-label={`Progress of ${title}`} />
        </>
      )}
      <div className="now">
        <p role="status" className={job?.render ? "spoken" : "said"}>
          {said}
        </p>
        {job && !hasEnded(job) && <p className="figure percent" aria-hidden="true">{job.percent} %</p>}
      </div>
      {problem && <ProblemNote problem={problem} />}
      {job?.problem && <ProblemNote problem={job.problem} title={endTitle(job, track)} />}
      {job?.render && <Result job={job} render={job.render} track={track} />}
    </article>
  );
}

function endTitle(job: Job, track: Track): string {
  if (job.status === "cancelled") return "Cancelled";
  return track.status === "rejected" ? "This file was rejected" : "This render failed";
}

function Steps({ job }: { job: Job }) {
  return (
    <ol className="steps">
      {stepsOf(job).map((step) => (
        <li key={step.name} data-state={step.state} aria-current={step.state === "now" ? "step" : undefined}>
          {step.name}
          {step.state === "done" && <span className="spoken"> done</span>}
        </li>
      ))}
    </ol>
  );
}
