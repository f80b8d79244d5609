// The API's words, from its own document: schema.d.ts is generated from docs/openapi.json before every check.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Track = Schemas["TrackView"];
export type Tracks = Schemas["TracksView"];
export type CreatedTrack = Schemas["CreatedTrackView"];
export type UploadForm = Schemas["UploadView"];
export type Job = Schemas["JobView"];
export type Jobs = Schemas["JobsView"];
export type Stage = Schemas["Stage"];
export type Link = Schemas["LinkView"];
export type Analysis = Schemas["AnalysisView"];
export type Problem = Schemas["Problem"];
export type ApiProblem = Schemas["ProblemView"];
export type OutputFormat = Schemas["OutputFormat"];

export interface Spatial {
  type: "spatial";
  /** Turns a second, 0.02 to 1. */
  speed_hz: number;
  /** How far to the sides, 0 to 1. */
  depth: number;
  /** Reverb, 0 to 1. */
  room: number;
  /** Dry to wet, 0 to 1. */
  mix: number;
}

export type Operation = Schemas["Tempo"] | Schemas["Pitch"] | Spatial;

export interface Recipe {
  operations: Operation[];
  output: OutputFormat;
}

export type Downloads = Schemas["DownloadsView"] & {
  peaks?: Link | null;
  render_peaks?: Link | null;
};

export interface Promised {
  name: string;
  operation: string;
  unit: string;
  expected: number | null;
  measured: number | null;
  tolerance: number | null;
  kept: boolean;
  note?: string;
}

export interface Certificate {
  engine_version: string;
  kept: boolean;
  promises: Promised[];
}
