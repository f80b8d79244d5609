import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Operation } from "../api/types";
import { BITRATES, CODECS, PATHS, PRESETS, RANGES, UNCHANGED, recipeOf, told } from "./recipe";

test("settings that change nothing make no recipe, whatever the format", () => {
  expect(recipeOf({ ...UNCHANGED, codec: "flac" })).toBeNull();
});

test("what was chosen becomes operations in one order, and 8D brings its settings", () => {
  const recipe = recipeOf({
    ...UNCHANGED,
    tempo: 1.25,
    semitones: -2,
    spatial: true,
    depth: 0.5,
    path: "figure",
    master: "warm",
    codec: "ogg",
  });
  expect(recipe).toEqual({
    operations: [
      { type: "tempo", factor: 1.25 },
      { type: "pitch", semitones: -2, formants: "move" },
      {
        type: "spatial",
        seed: 0,
        speed_hz: 0.1,
        depth: 0.5,
        room: 0.2,
        mix: 1,
        path: "figure",
        listening: "anywhere",
      },
      { type: "master", preset: "warm", ceiling_dbtp: -1 },
    ],
    output: { codec: "ogg", bitrate_kbps: 320, variable: false, bit_depth: 16 },
  });
});

test("8D that is off leaves no trace of its settings", () => {
  expect(recipeOf({ ...UNCHANGED, semitones: 1, speed_hz: 0.5 })?.operations).toEqual([
    { type: "pitch", semitones: 1, formants: "move" },
  ]);
});

test.each([
  [{ tempo: 1.25, semitones: 2, spatial: true }, "1.25 × tempo, +2 semitones, 8D → MP3"],
  [{ semitones: -1 }, "−1 semitone → MP3"],
  [{ tempo: 0.8, codec: "flac" as const }, "0.8 × tempo → FLAC"],
  [{ master: "loud" as const }, "loud master → MP3"],
])("%o is told as %s", (change, words) => {
  const recipe = recipeOf({ ...UNCHANGED, ...change });
  expect(recipe && told(recipe)).toBe(words);
});

test("what others ask for by the API is told as well", () => {
  const operations: Operation[] = [
    { type: "trim", start_s: 10, end_s: 95.5 },
    { type: "trim", start_s: 3 },
    { type: "equalize", bands: [{ kind: "peak", frequency_hz: 1000, gain_db: 3, q: 1 }] },
    { type: "mix", gain_db: 0, pan: 0, tracks: [{ track_id: "trk_1", gain_db: 0, pan: 0, start_s: 0 }] },
    { type: "convert" },
    { type: "loudness", target_lufs: -14, ceiling_dbtp: -1 },
    { type: "master", reference_track_id: "trk_1", ceiling_dbtp: -1 },
  ];
  const recipe = { operations, output: { codec: "m4a", bitrate_kbps: 256, variable: false, bit_depth: 16 } as const };
  expect(told(recipe)).toBe("10–95.5 s, 3– s, equalizer, mix of 2, converted, −14 LUFS, matching master → M4A");
});

interface Property {
  minimum?: number;
  maximum?: number;
  default?: unknown;
  enum?: unknown[];
}
interface Document {
  components: { schemas: Record<string, { properties: Record<string, Property> }> };
}
const api = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8")) as Document;
const property = (schema: string, name: string): Property => api.components.schemas[schema]?.properties[name] ?? {};

test.each(["seed", "speed_hz", "depth", "room", "mix"] as const)("the form offers all of the API's %s", (name) => {
  const { minimum, maximum, default: usual } = property("Spatial", name);
  expect(RANGES[name]).toMatchObject({ min: minimum, max: maximum });
  expect(UNCHANGED[name]).toBe(usual);
});

test("ways, presets and what they are at first are the API's", () => {
  const [path, listening] = [property("Spatial", "path"), property("Spatial", "listening")];
  expect(Object.keys(PATHS)).toEqual(path.enum);
  expect([UNCHANGED.path, UNCHANGED.listening]).toEqual([path.default, listening.default]);
  const [preset] = (property("Master", "preset") as { anyOf: Property[] }).anyOf;
  expect(Object.keys(PRESETS)).toEqual(preset?.enum);
  expect(property("Master", "ceiling_dbtp").default).toBe(-1);
});

test("8D has no setting that the form leaves out", () => {
  const settings = Object.keys(api.components.schemas.Spatial?.properties ?? {}).filter((name) => name !== "type");
  expect(settings).not.toEqual([]);
  expect(Object.keys(UNCHANGED)).toEqual(expect.arrayContaining(settings));
});

test("tempo and pitch go an octave each way, of the two that the API takes", () => {
  const [tempo, pitch] = [property("Tempo", "factor"), property("Pitch", "semitones")];
  expect([tempo.minimum, tempo.maximum]).toEqual([RANGES.tempo.min / 2, RANGES.tempo.max * 2]);
  expect([pitch.minimum, pitch.maximum]).toEqual([RANGES.semitones.min * 2, RANGES.semitones.max * 2]);
});

test("formats and bit rates are the API's, and so are those chosen at first", () => {
  const [codec, bitrate] = [property("OutputFormat", "codec"), property("OutputFormat", "bitrate_kbps")];
  expect(new Set(Object.keys(CODECS))).toEqual(new Set(codec.enum));
  expect(BITRATES).toEqual(bitrate.enum);
  expect([UNCHANGED.codec, UNCHANGED.bitrate_kbps]).toEqual([codec.default, bitrate.default]);
});
