// The person's tracks, newest first.

import { useEffect, useState } from "react";
import { useApi } from "../api/context";
import { asProblem, passes } from "../api/problem";
import type { Problem } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { clock, day, measure } from "../ui/figures";
import { PlaceLink } from "../ui/place";
import { poll } from "../ui/poll";
import { type Listed, withFirst, withMore } from "./listed";
import { STATES } from "./states";

export function TrackList() {
  const api = useApi();
  const [listed, setListed] = useState<Listed | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  useEffect(() => {
    const stop = new AbortController();
    // The first page is read again while something on it is still being worked on.
    const look = async (): Promise<string | null> => {
      try {
        const page = await api.tracks(null, stop.signal);
        setListed((known) => withFirst(known, page));
        setProblem(null);
        const open = page.tracks.filter(({ status }) => status === "validating" || status === "awaiting_upload");
        return open.length ? open.map(({ track_id, status }) => track_id + status).join() : null;
      } catch (thrown) {
        if (stop.signal.aborted) return null;
        setProblem(asProblem(thrown));
        return passes(thrown) ? "problem" : null;
      }
    };
    void poll(look, stop.signal);
    return () => {
      stop.abort();
    };
  }, [api]);

  const more = async (cursor: string) => {
    try {
      const page = await api.tracks(cursor);
      setListed((known) => withMore(known, page));
      setProblem(null);
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
  };

  const tracks = listed?.tracks;
  const next = listed?.next;
  return (
    <section className="card" aria-labelledby="tracks">
      <h2 id="tracks">Your tracks</h2>
      {problem && <ProblemNote problem={problem} />}
      {!tracks && !problem && <p className="said">Reading your tracks …</p>}
      {tracks?.length === 0 && <p className="said">None yet. Choose a file, and it appears here.</p>}
      {tracks && tracks.length > 0 && (
        <ul className="tracks">
          {tracks.map((track) => (
            <li key={track.track_id}>
              <PlaceLink href={`/tracks/${track.track_id}`}>{track.title}</PlaceLink>
              <span className="state" data-state={track.status}>{STATES[track.status]}</span>
              <span className="about">
                {track.analysis ? `${clock(track.analysis.duration_s)} · ` : ""}
                {track.analysis?.tempo_bpm ? `${measure(track.analysis.tempo_bpm, "BPM", 0)} · ` : ""}
                <time dateTime={track.created_at}>{day(track.created_at)}</time>
              </span>
            </li>
          ))}
        </ul>
      )}
      {next && (
        <button type="button" className="quiet" onClick={() => more(next)}>
          Show more
        </button>
      )}
    </section>
  );
}
