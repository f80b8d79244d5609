// What went wrong: the reason, what to do, and the code that programs and admins know it by.

import type { Problem } from "../api/types";

export function ProblemNote({ problem, title }: { problem: Problem; title?: string }) {
  return (
    <div className="problem" role="alert">
      {title && <strong>{title}</strong>}
      <p>{problem.detail}</p>
      {problem.mend && <p>{problem.mend}</p>}
      <p className="code">
        <code>{problem.code}</code>
      </p>
    </div>
  );
}
