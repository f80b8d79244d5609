// The stages of a job as its owner watches them.

import type { Job, Stage } from "../api/types";

export interface Step {
  name: string;
  state: "done" | "now" | "later" | "failed";
}

const NAMES: Record<Stage, string> = {
  validate: "Check",
  analyze: "Analyse",
  transform: "Transform",
  certify: "Certify",
};
const NOW: Record<Stage, string> = {
  validate: "Checking the file",
  analyze: "Measuring tempo and loudness",
  transform: "Rendering",
  certify: "Certifying the render",
};

/** The stages that this job goes through, and where it is. */
export function stepsOf(job: Job): Step[] {
  const stages: Stage[] = [];
  if (job.kind === "ingest") stages.push("validate", "analyze");
  if (job.recipe) stages.push("transform", "certify");
  const at = job.stage ? stages.indexOf(job.stage) : -1;
  return stages.map((stage, index) => ({ name: NAMES[stage], state: stateOf(job, index, at) }));
}

function stateOf(job: Job, index: number, at: number): Step["state"] {
  if (job.status === "succeeded" || index < at) return "done";
  if (job.status === "failed" || job.status === "cancelled") return index === Math.max(at, 0) ? "failed" : "later";
  return index === at ? "now" : "later";
}

/** Where the job is, in words for those who hear it; the percentage is left to the bar. */
export function saidOf(job: Job): string {
  switch (job.status) {
    case "queued":
      return "Waiting for its turn";
    case "running":
      return job.stage ? NOW[job.stage] : "Beginning";
    case "succeeded":
      return "Done";
    case "failed":
      return "Failed";
    case "cancelled":
      return "Cancelled";
  }
}

export function hasEnded(job: Job): boolean {
  return job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
}
