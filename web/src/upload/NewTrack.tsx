// A file and what to make of it; the upload goes straight to the bucket.

import { useEffect, useRef, useState } from "react";
import { useApi } from "../api/context";
import { ProblemError, asProblem } from "../api/problem";
import type { Problem } from "../api/types";
import { ProblemNote } from "../ui/ProblemNote";
import { goTo } from "../ui/place";
import { size } from "../ui/figures";
import { DropZone } from "./DropZone";
import { RecipeFields } from "./RecipeFields";
import { Recorder } from "./Recorder";
import { UNCHANGED, recipeOf } from "./recipe";
import { send } from "./send";

export function NewTrack() {
  const api = useApi();
  const [file, setFile] = useState<File | null>(null);
  const [settings, setSettings] = useState(UNCHANGED);
  const [sent, setSent] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const recipe = recipeOf(settings);
  const choose = (chosen: File) => {
    setFile(chosen);
    setProblem(null);
  };

  const upload = async (chosen: File) => {
    const stopping = new AbortController();
    stop.current = stopping;
    setProblem(null);
    setSent(0);
    try {
      if (chosen.size === 0) throw new ProblemError(empty(chosen));
      const { track, upload: form } = await api.createTrack(
        { filename: chosen.name, size_bytes: chosen.size, ...(recipe ? { recipe } : {}) },
        crypto.randomUUID(),
      );
      if (!stopping.signal.aborted) await send(chosen, form, setSent, stopping.signal);
      if (!stopping.signal.aborted) goTo(`/tracks/${track.track_id}`);
    } catch (thrown) {
      if (!stopping.signal.aborted) setProblem(asProblem(thrown));
    } finally {
      setSent(null);
    }
  };

  const uploading = sent !== null;
  const percent = Math.round((sent ?? 0) * 100);
  return (
    <section className="card" aria-labelledby="new-track">
      <h2 id="new-track">New track</h2>
      <form
        aria-busy={uploading}
        onSubmit={(event) => {
          event.preventDefault();
          if (file) void upload(file);
        }}
      >
        <fieldset disabled={uploading}>
          <DropZone file={file} onFile={choose} />
          <Recorder onFile={choose} disabled={uploading} />
          <RecipeFields settings={settings} onChange={setSettings} />
          {!uploading && (
            <button type="submit" className="button" disabled={!file}>
              {recipe ? "Upload and render" : "Upload and analyse"}
            </button>
          )}
        </fieldset>
      </form>
      {uploading && (
        <div className="uploading">
          <p role="status" className="said">Uploading {file?.name}</p>
          <progress max={100} value={percent} aria-label="Upload" />
          <p className="figure" aria-hidden="true">{percent} % of {size(file?.size ?? 0)}</p>
          <button type="button" className="quiet" onClick={() => { stop.current?.abort(); }}>
            Stop the upload
          </button>
        </div>
      )}
      {problem && <ProblemNote problem={problem} title="This file was not uploaded" />}
    </section>
  );
}

function empty(file: File): Problem {
  return { code: "track.empty", detail: `${file.name} is empty.`, mend: "Choose the recording itself." };
}
