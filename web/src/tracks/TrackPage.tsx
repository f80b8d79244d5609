// One track: what was measured on it, its jobs, and a form for another render.

import { useCallback, useEffect, useState } from "react";
import { useApi } from "../api/context";
import { asProblem } from "../api/problem";
import type { Analysis, Job, Problem, Track } from "../api/types";
import { JobCard } from "../jobs/JobCard";
import { hasRenders, isNoticed, withJob } from "../jobs/renders";
import { Figures } from "../listen/Figures";
import { Original } from "../listen/Original";
import { ProblemNote } from "../ui/ProblemNote";
import { goTo, PlaceLink } from "../ui/place";
import { useSubmit } from "../ui/useSubmit";
import { RecipeFields } from "../upload/RecipeFields";
import { UNCHANGED, recipeOf } from "../upload/recipe";

export function TrackPage({ trackId }: { trackId: string }) {
  const api = useApi();
  const [track, setTrack] = useState<Track | null>(null);
  const [jobs, setJobs] = useState<Job[]>([]);
  const [analysis, setAnalysis] = useState<Analysis | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const read = useCallback(async (ended?: Job) => {
    try {
      const [found, page] = await Promise.all([api.track(trackId), api.jobs(trackId)]);
      setTrack(found);
      setJobs(ended ? withJob(page.jobs, ended) : page.jobs);
      setProblem(null);
      if (found.analysis) setAnalysis(await api.analysis(trackId));
    } catch (thrown) {
      setProblem(asProblem(thrown));
    }
  }, [api, trackId]);
  useEffect(() => void read(), [read]);
  useEffect(() => {
    document.title = track ? `${track.title} · Tonearm` : "Tonearm";
  }, [track]);

  if (!track) {
    return (
      <main>
        <Back />
        <h1 className="spoken">Track</h1>
        {problem ? <ProblemNote problem={problem} title="This track cannot be shown" /> : <p className="said">Reading the track …</p>}
      </main>
    );
  }
  const shown: { id: string; known: Job | null }[] = jobs.map((job) => ({ id: job.job_id, known: job }));
  if (!isNoticed(track, jobs)) shown.push({ id: track.ingest_job_id, known: null });
  return (
    <main>
      <Back />
      <h1>{track.title}</h1>
      {problem && <ProblemNote problem={problem} />}
      <Figures track={track} analysis={analysis} />
      {track.status === "ready" && <Original track={track} open={!hasRenders(track, jobs)} />}
      <section aria-label="Jobs" className="jobs">
        {shown.map(({ id, known }) => (
          <JobCard key={id} jobId={id} known={known} track={track} onEnd={read} />
        ))}
      </section>
      {track.status === "ready" && <RenderAgain track={track} onJob={(job) => { setJobs((known) => [job, ...known]); }} />}
      <Delete track={track} />
    </main>
  );
}

function Back() {
  return (
    <p>
      <PlaceLink href="/">← All tracks</PlaceLink>
    </p>
  );
}

function RenderAgain({ track, onJob }: { track: Track; onJob: (job: Job) => void }) {
  const api = useApi();
  const [settings, setSettings] = useState(UNCHANGED);
  const recipe = recipeOf(settings);
  const { submit, busy, problem } = useSubmit(async () => {
    if (recipe) onJob(await api.createJob(track.track_id, recipe, crypto.randomUUID()));
  });
  return (
    <details className="card">
      <summary>Another render</summary>
      <form onSubmit={submit} aria-busy={busy}>
        <fieldset disabled={busy}>
          <RecipeFields settings={settings} onChange={setSettings} />
          <button type="submit" className="button" disabled={!recipe}>
            Render
          </button>
        </fieldset>
        {problem && <ProblemNote problem={problem} />}
      </form>
    </details>
  );
}

function Delete({ track }: { track: Track }) {
  const api = useApi();
  const [asked, setAsked] = useState(false);
  const { submit, busy, problem } = useSubmit(async () => {
    await api.deleteTrack(track.track_id);
    goTo("/");
  });
  if (!asked) {
    return (
      <p>
        <button type="button" className="link" onClick={() => { setAsked(true); }}>
          Delete this track
        </button>
      </p>
    );
  }
  return (
    <form onSubmit={submit} className="card delete">
      <p role="status">Delete “{track.title}” and all that was made from it? There is no way back.</p>
      <button type="submit" className="button" disabled={busy}>
        Delete
      </button>
      <button type="button" className="quiet" onClick={() => { setAsked(false); }}>
        Keep it
      </button>
      {problem && <ProblemNote problem={problem} />}
    </form>
  );
}
