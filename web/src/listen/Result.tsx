// What a job made: hear it, take it, and see what it promised and what was measured.

import { useCallback, useEffect, useMemo, useState } from "react";
import { readLinked } from "../api/client";
import { useApi } from "../api/context";
import { asProblem } from "../api/problem";
import type { Certificate, Job, Problem, Track } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { size } from "../ui/figures";
import { Player } from "./Player";
import { Promises } from "./Promises";
import { useLinks } from "./links";
import { type Peaks, waveformOf } from "./peaks";

export function Result({ job, track }: { job: Job; track: Track }) {
  const api = useApi();
  const read = useCallback(() => api.downloads(job.job_id), [api, job.job_id]);
  const { links: downloads, problem, renew } = useLinks(read);
  const peaks = useLinked<Peaks>(job.render ? downloads?.render_peaks?.url : downloads?.peaks?.url);
  const certificate = useLinked<Certificate>(downloads?.certificate?.url);
  const waveform = useMemo(() => peaks.document && waveformOf(peaks.document), [peaks.document]);
  const renewRender = useCallback(async () => (await renew())?.render?.url ?? null, [renew]);

  if (!downloads) return problem ? <ProblemNote problem={problem} /> : <p className="said">Fetching its links …</p>;
  return (
    <div className="result">
      <Player
        label={job.render ? `render of ${track.title}` : track.title}
        url={downloads.render?.url ?? null}
        waveform={waveform}
        duration_s={job.render?.duration_s ?? track.analysis?.duration_s ?? 0}
        renew={renewRender}
      />
      <p className="links">
        {downloads.render && (
          <a className="button" href={downloads.render.url} download={downloads.render.filename}>
            Download {job.render?.codec.toUpperCase()} <span className="figure">{size(job.render?.size_bytes ?? 0)}</span>
          </a>
        )}
        {downloads.certificate && <a href={downloads.certificate.url} download={downloads.certificate.filename}>Certificate as JSON</a>}
        <a href={downloads.analysis.url} download={downloads.analysis.filename}>Analysis as JSON</a>
      </p>
      {problem && <ProblemNote problem={problem} title="Its links could not be renewed" />}
      {certificate.document && <Promises certificate={certificate.document} />}
      {[peaks, certificate].map(({ problem: missing }) => missing && <ProblemNote key={missing.code} problem={missing} />)}
    </div>
  );
}

interface Linked<T> {
  document: T | null;
  problem: Problem | null;
}

/** The document behind a link, read once: renewed links lead to the same one. */
function useLinked<T>(url: string | undefined): Linked<T> {
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
