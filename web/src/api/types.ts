// The API's words, from its own document: schema.d.ts is generated from docs/openapi.json before every check.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Track = Schemas["TrackView"];
export type Tracks = Schemas["TracksView"];
export type CreatedTrack = Schemas["CreatedTrackView"];
export type UploadForm = Schemas["UploadView"];
export type Job = Schemas["JobView"];
export type Jobs = Schemas["JobsView"];
export type Render = Schemas["RenderView"];
export type Stage = Schemas["Stage"];
export type Link = Schemas["LinkView"];
export type Analysis = Schemas["AnalysisView"];
export type Problem = Schemas["Problem"];
export type ApiProblem = Schemas["ProblemView"];
export type OutputFormat = Schemas["OutputFormat"];

export type Recipe = Schemas["Recipe"];
export type Operation = Recipe["operations"][number];
export type Downloads = Schemas["DownloadsView"];
export type TrackDownloads = Schemas["TrackDownloadsView"];

// What lies behind links is no part of the API's document; docs/audio-promises.md describes it.

export interface Promised {
  name: string;
  operation: string;
  unit: string;
  expected: number | null;
  measured: number | null;
  tolerance: number | null;
  kept: boolean;
  note?: string;
  // Certificates of before there was such a thing lack it.
  at_most?: boolean;
}

export interface Certificate {
  engine_version: string;
  kept: boolean;
  promises: Promised[];
}
