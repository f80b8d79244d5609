// From what a person chose in the form to the recipe that the API takes, and back to words.

import type { Operation, OutputFormat, Recipe } from "../api/types";

export type Codec = OutputFormat["codec"];
export type Bitrate = OutputFormat["bitrate_kbps"];
export type Path = Extract<Operation, { type: "spatial" }>["path"];
export type Listening = Extract<Operation, { type: "spatial" }>["listening"];
export type Preset = NonNullable<Extract<Operation, { type: "master" }>["preset"]>;

export interface Settings {
  /** 1.1 is ten percent faster. */
  tempo: number;
  /** 2 is a whole tone up. */
  semitones: number;
  spatial: boolean;
  /** The path: the same seed, the same path. */
  seed: number;
  /** Turns a second. */
  speed_hz: number;
  depth: number;
  room: number;
  mix: number;
  path: Path;
  listening: Listening;
  /** What it is mastered for; empty leaves its loudness as it is. */
  master: Preset | "";
  codec: Codec;
  bitrate_kbps: Bitrate;
}

export interface Range {
  min: number;
  max: number;
  step: number;
}

/**
 * What the form offers: tempo from half to double and an octave of pitch each way, where the API takes a quarter to
 * fourfold and two octaves, so that a slider is fine enough to set by hand; all of 8D, and mastering by preset. recipe.test.ts holds these,
 * the defaults and the formats to the API's document.
 */
export const RANGES = {
  tempo: { min: 0.5, max: 2, step: 0.01 },
  semitones: { min: -12, max: 12, step: 0.5 },
  seed: { min: 0, max: 2 ** 32 - 1, step: 1 },
  speed_hz: { min: 0.02, max: 1, step: 0.01 },
  depth: { min: 0, max: 1, step: 0.05 },
  room: { min: 0, max: 1, step: 0.05 },
  mix: { min: 0, max: 1, step: 0.05 },
} satisfies Partial<Record<keyof Settings, Range>>;

/** The API's defaults, with nothing to do. */
export const UNCHANGED: Settings = {
  tempo: 1,
  semitones: 0,
  spatial: false,
  seed: 0,
  speed_hz: 0.1,
  depth: 1,
  room: 0.2,
  mix: 1,
  path: "orbit",
  listening: "anywhere",
  master: "",
  codec: "mp3",
  bitrate_kbps: 320,
};

export const CODECS: Record<Codec, string> = {
  mp3: "MP3",
  m4a: "M4A (AAC)",
  opus: "Opus",
  ogg: "OGG (Vorbis)",
  flac: "FLAC (lossless)",
  wav: "WAV (lossless)",
};

export const BITRATES: readonly Bitrate[] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];

/** The formats that have a bit rate to choose. */
export const RATED: readonly Codec[] = ["mp3", "m4a", "opus"];

export const PATHS: Record<Path, string> = {
  orbit: "around you",
  figure: "an eight",
  random: "wherever it likes",
};

export const PRESETS: Record<Preset, string> = {
  streaming: "Streaming (−14 LUFS)",
  loud: "Loud",
  podcast: "Podcast",
  gentle: "Gentle",
  warm: "Warm",
  bright: "Bright",
};

/** The recipe of these settings; null when they change nothing, so that there is nothing to render. */
export function recipeOf(settings: Settings): Recipe | null {
  const operations: Operation[] = [];
  if (settings.tempo !== 1) operations.push({ type: "tempo", factor: settings.tempo });
  if (settings.semitones !== 0) operations.push({ type: "pitch", semitones: settings.semitones, formants: "move" });
  if (settings.spatial) {
    const { seed, speed_hz, depth, room, mix, path, listening } = settings;
    operations.push({ type: "spatial", seed, speed_hz, depth, room, mix, path, listening });
  }
  if (settings.master) operations.push({ type: "master", preset: settings.master, ceiling_dbtp: -1 });
  if (operations.length === 0) return null;
  const { codec, bitrate_kbps } = settings;
  return { operations, output: { codec, bitrate_kbps, variable: false, bit_depth: 16 } };
}

/** A recipe in a few words, such as "1.25 × tempo, +2 semitones, 8D → MP3". */
export function told(recipe: Recipe): string {
  const parts = recipe.operations.map((operation) => {
    switch (operation.type) {
      case "tempo":
        return `${figure(operation.factor)} × tempo`;
      case "pitch":
        return semitones(operation.semitones);
      case "spatial":
        return "8D";
      case "trim":
        return `${figure(operation.start_s)}–${operation.end_s == null ? "" : figure(operation.end_s)} s`;
      case "fade":
        return "fade";
      case "equalize":
        return "equalizer";
      case "compress":
        return "compressor";
      case "reverb":
        return "reverb";
      case "mix":
        return `mix of ${operation.tracks.length + 1}`;
      case "convert":
        return "converted";
      case "loudness":
        return `${figure(operation.target_lufs)} LUFS`;
      case "master":
        return `${operation.preset ?? "matching"} master`;
    }
  });
  return `${parts.join(", ")} → ${recipe.output.codec.toUpperCase()}`;
}

export function semitones(count: number): string {
  const sign = count > 0 ? "+" : count < 0 ? "−" : "";
  return `${sign}${figure(Math.abs(count))} semitone${Math.abs(count) === 1 ? "" : "s"}`;
}

function figure(value: number): string {
  return String(Math.round(value * 100) / 100).replace("-", "−");
}
