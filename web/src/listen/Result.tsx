// What a job made: hear it, take it, and see what it promised and what was measured.

import { useCallback, useEffect, useMemo, useState } from "react";
import { readLinked } from "../api/client";
import { useApi } from "../api/context";
import { asProblem } from "../api/problem";
import type { Certificate, Downloads, Job, Problem, Track } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { size } from "../ui/figures";
import { Player } from "./Player";
import { Promises } from "./Promises";
import { type Peaks, waveformOf } from "./peaks";

// Links work for five minutes.
const RENEW_MS = 240_000;

export function Result({ job, track }: { job: Job; track: Track }) {
  const { downloads, problem, renew } = useDownloads(job.job_id);
  const peaks = useLinked<Peaks>(job.render ? downloads?.render_peaks?.url : downloads?.peaks?.url);
  const certificate = useLinked<Certificate>(downloads?.certificate?.url);
  const waveform = useMemo(() => peaks.document && waveformOf(peaks.document), [peaks.document]);
  const renewRender = useCallback(async () => (await renew())?.render?.url ?? null, [renew]);

  if (problem) return <ProblemNote problem={problem} />;
  if (!downloads) return <p className="said">Fetching its links …</p>;
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
      {certificate.document && <Promises certificate={certificate.document} />}
      {[peaks, certificate].map(({ problem: missing }) => missing && <ProblemNote key={missing.code} problem={missing} />)}
    </div>
  );
}

function useDownloads(jobId: string) {
  const api = useApi();
  const [downloads, setDownloads] = useState<Downloads | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const renew = useCallback(async () => {
    try {
      const fresh = await api.downloads(jobId);
      setDownloads(fresh);
      return fresh;
    } catch (thrown) {
      setProblem(asProblem(thrown));
      return null;
    }
  }, [api, jobId]);
  useEffect(() => {
    void renew();
    const timer = setInterval(() => void renew(), RENEW_MS);
    return () => {
      clearInterval(timer);
    };
  }, [renew]);
  return { downloads, problem, renew };
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
