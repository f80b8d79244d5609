// The API: one wrapper around fetch that knows tokens and problems, and one method a route.

import { ProblemError, UNREACHABLE, problemOf } from "./problem";
import type { Analysis, CreatedTrack, Downloads, Job, Jobs, Recipe, Track, TrackDownloads, Tracks } from "./types";

/** Gives the access token; `renewed` asks for a new one although the old one seems good. Null when signed out. */
export type TokenSource = (renewed: boolean) => Promise<string | null>;

export interface NewTrack {
  filename: string;
  size_bytes: number;
  recipe?: Recipe;
}

interface Request {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  /** The same key with the same body makes one thing, however often it is sent. */
  once?: string;
  signal?: AbortSignal | undefined;
}

export class Api {
  constructor(
    private readonly base: string,
    private readonly token: TokenSource,
    private readonly onSignedOut: () => void,
  ) {}

  tracks(cursor: string | null, signal?: AbortSignal): Promise<Tracks> {
    return this.call(`/tracks?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });
  }

  track(id: string, signal?: AbortSignal): Promise<Track> {
    return this.call(`/tracks/${encodeURIComponent(id)}`, { signal });
  }

  createTrack(track: NewTrack, once: string): Promise<CreatedTrack> {
    return this.call("/tracks", { method: "POST", body: track, once });
  }

  deleteTrack(id: string): Promise<unknown> {
    return this.call(`/tracks/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  analysis(id: string, signal?: AbortSignal): Promise<Analysis> {
    return this.call(`/tracks/${encodeURIComponent(id)}/analysis`, { signal });
  }

  trackDownloads(id: string, signal?: AbortSignal): Promise<TrackDownloads> {
    return this.call(`/tracks/${encodeURIComponent(id)}/downloads`, { signal });
  }

  jobs(trackId: string, signal?: AbortSignal): Promise<Jobs> {
    return this.call(`/jobs?limit=100&track_id=${encodeURIComponent(trackId)}`, { signal });
  }

  job(id: string, signal?: AbortSignal): Promise<Job> {
    return this.call(`/jobs/${encodeURIComponent(id)}`, { signal });
  }

  createJob(trackId: string, recipe: Recipe, once: string): Promise<Job> {
    return this.call("/jobs", { method: "POST", body: { track_id: trackId, recipe }, once });
  }

  downloads(jobId: string, signal?: AbortSignal): Promise<Downloads> {
    return this.call(`/jobs/${encodeURIComponent(jobId)}/downloads`, { signal });
  }

  private async call<T>(path: string, request: Request): Promise<T> {
    let answer = await this.send(path, request, false);
    if (answer.status === 401) {
      // The token may have ended while the page slept; a second refusal means that the session has.
      answer = await this.send(path, request, true);
      if (answer.status === 401) {
        this.onSignedOut();
      }
    }
    if (!answer.ok) {
      throw await problemOf(answer);
    }
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  private async send(path: string, request: Request, renewed: boolean): Promise<Response> {
    const token = await this.token(renewed);
    const headers: Record<string, string> = { Accept: "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (request.body !== undefined) headers["Content-Type"] = "application/json";
    if (request.once) headers["Idempotency-Key"] = request.once;
    return reach(this.base + path, {
      method: request.method ?? "GET",
      headers,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: request.signal ?? null,
    });
  }
}

/** Read a JSON document behind a signed link. */
export async function readLinked(url: string, signal?: AbortSignal): Promise<unknown> {
  const answer = await reach(url, { signal: signal ?? null });
  if (!answer.ok) {
    throw await problemOf(answer);
  }
  return answer.json();
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown;
    throw new ProblemError(UNREACHABLE);
  }
}
