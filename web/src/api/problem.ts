// What went wrong, in the one shape that the page shows: code, reason, mend.

import type { Problem } from "./types";

/** An error that a person can read; `status` is the HTTP status, 0 when there was no answer. */
export class ProblemError extends Error {
  constructor(
    readonly problem: Problem,
    readonly status = 0,
  ) {
    super(problem.detail);
    this.name = "ProblemError";
  }
}

export const UNREACHABLE: Problem = {
  code: "network.unreachable",
  detail: "The studio could not be reached.",
  mend: "Check your connection, then try again.",
};

/** Read an answer that is no success: problem+json as it is, anything else as what can be said of it. */
export async function problemOf(answer: Response): Promise<ProblemError> {
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    return new ProblemError((await answer.json()) as Problem, answer.status);
  }
  return new ProblemError(unexplained(answer.status), answer.status);
}

export function unexplained(status: number): Problem {
  if (status === 429) {
    return { code: "http.429", detail: "The studio has too much to do at the moment.", mend: "Try again in a minute." };
  }
  return { code: `http.${status}`, detail: `The studio answered HTTP ${status} and no reason.`, mend: "Try again." };
}

/** Whether trying again later may go better: nobody answered, too much to do, or a failure on the other side. */
export function passes(thrown: unknown): boolean {
  return thrown instanceof ProblemError && (thrown.status === 0 || thrown.status >= 429);
}

/** Turn whatever was thrown into what is shown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof ProblemError) {
    return thrown.problem;
  }
  return {
    code: "page.error",
    detail: thrown instanceof Error && thrown.message ? thrown.message : "Something in this page went wrong.",
    mend: "Reload the page and try again.",
  };
}
