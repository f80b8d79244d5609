// A form that is being sent: one at a time, and what went wrong stays in sight until the next try.

import { type SubmitEvent, useState } from "react";
import { asProblem } from "../api/problem";
import type { Problem } from "../api/types";

export function useSubmit(work: (form: FormData) => Promise<void>, explain: (thrown: unknown) => Problem = asProblem) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await work(new FormData(event.currentTarget));
    } catch (thrown) {
      setProblem(explain(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { submit, busy, problem };
}

export function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
