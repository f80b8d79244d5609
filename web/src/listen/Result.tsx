// What a job made: hear it, take it, and see what it promised and what was measured.

import { useCallback, useMemo } from "react";
import { useApi } from "../api/context";
import type { Certificate, Job, Render, Track } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { size } from "../ui/figures";
import { Player } from "./Player";
import { Promises } from "./Promises";
import { useLinks } from "./links";
import { type Peaks, waveformOf } from "./peaks";
import { useLinked } from "./useLinked";

export function Result({ job, render, track }: { job: Job; render: Render; track: Track }) {
  const api = useApi();
  const read = useCallback(() => api.downloads(job.job_id), [api, job.job_id]);
  const { links: downloads, problem, renew } = useLinks(read);
  const peaks = useLinked<Peaks>(downloads?.render_peaks?.url);
  const certificate = useLinked<Certificate>(downloads?.certificate?.url);
  const waveform = useMemo(() => peaks.document && waveformOf(peaks.document), [peaks.document]);
  const renewRender = useCallback(async () => (await renew())?.render?.url ?? null, [renew]);

  if (!downloads) return problem ? <ProblemNote problem={problem} /> : <p className="said">Fetching its links …</p>;
  return (
    <div className="result">
      {downloads.render && (
        <Player
          label={`render of ${track.title}`}
          url={downloads.render.url}
          waveform={waveform}
          duration_s={render.duration_s}
          renew={renewRender}
        />
      )}
      <p className="links">
        {downloads.render && (
          <a className="button" href={downloads.render.url} download={downloads.render.filename}>
            Download {render.codec.toUpperCase()} <span className="figure">{size(render.size_bytes)}</span>
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
