// A track as it was uploaded: hear it, take it, and take what was measured on it.

import { useCallback, useMemo, useState } from "react";
import { useApi } from "../api/context";
import type { Track } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { Player } from "./Player";
import { useLinks } from "./links";
import { type Peaks, waveformOf } from "./peaks";
import { useLinked } from "./useLinked";

/** `open` tells how it begins; from then on it is the visitor's, so that a render that ends stops nobody listening. */
export function Original({ track, open }: { track: Track; open: boolean }) {
  const [begins] = useState(open);
  const [wanted, setWanted] = useState(open);
  return (
    <details className="card" open={begins} onToggle={({ currentTarget }) => { if (currentTarget.open) setWanted(true); }}>
      <summary>Original</summary>
      {wanted && <Listen track={track} />}
    </details>
  );
}

function Listen({ track }: { track: Track }) {
  const api = useApi();
  const read = useCallback(() => api.trackDownloads(track.track_id), [api, track.track_id]);
  const { links, problem, renew } = useLinks(read);
  const peaks = useLinked<Peaks>(links?.peaks?.url);
  const waveform = useMemo(() => peaks.document && waveformOf(peaks.document), [peaks.document]);
  const renewSource = useCallback(async () => (await renew())?.source.url ?? null, [renew]);

  if (!links) return problem ? <ProblemNote problem={problem} /> : <p className="said">Fetching its links …</p>;
  return (
    <div className="result">
      <Player
        label={track.title}
        url={links.source.url}
        waveform={waveform}
        duration_s={track.analysis?.duration_s ?? 0}
        renew={renewSource}
      />
      <p className="links">
        <a href={links.source.url} download={links.source.filename}>Download the original</a>
        <a href={links.analysis.url} download={links.analysis.filename}>Analysis as JSON</a>
      </p>
      {problem && <ProblemNote problem={problem} title="Its links could not be renewed" />}
      {peaks.problem && <ProblemNote problem={peaks.problem} />}
    </div>
  );
}
