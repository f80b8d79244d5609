// From what a person chose in the form to the recipe that the API takes, and back to words.

import type { Operation, OutputFormat, Recipe } from "../api/types";

export type Codec = OutputFormat["codec"];
export type Bitrate = OutputFormat["bitrate_kbps"];

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
 * fourfold and two octaves, so that a slider is fine enough to set by hand; and all of 8D. recipe.test.ts holds these,
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
  codec: "mp3",
  bitrate_kbps: 320,
};

export const CODECS: Record<Codec, string> = {
  mp3: "MP3",
  ogg: "OGG",
  flac: "FLAC (lossless)",
  wav: "WAV (lossless)",
};

export const BITRATES: readonly Bitrate[] = [128, 192, 256, 320];

/** The recipe of these settings; null when they change nothing, so that there is nothing to render. */
export function recipeOf(settings: Settings): Recipe | null {
  const operations: Operation[] = [];
  if (settings.tempo !== 1) operations.push({ type: "tempo", factor: settings.tempo });
  if (settings.semitones !== 0) operations.push({ type: "pitch", semitones: settings.semitones });
  if (settings.spatial) {
    const { seed, speed_hz, depth, room, mix } = settings;
    operations.push({ type: "spatial", seed, speed_hz, depth, room, mix });
  }
  if (operations.length === 0) return null;
  const { codec, bitrate_kbps } = settings;
  return { operations, output: { codec, bitrate_kbps } };
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
    }
  });
  return `${parts.join(", ")} → ${recipe.output.codec.toUpperCase()}`;
}

export function semitones(count: number): string {
  const sign = count > 0 ? "+" : count < 0 ? "−" : "";
  return `${sign}${figure(Math.abs(count))} semitone${Math.abs(count) === 1 ? "" : "s"}`;
}

function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}
