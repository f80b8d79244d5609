import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BITRATES, CODECS, RANGES, UNCHANGED, recipeOf, told } from "./recipe";

test("settings that change nothing make no recipe, whatever the format", () => {
  expect(recipeOf({ ...UNCHANGED, codec: "flac" })).toBeNull();
});

test("what was chosen becomes operations in one order, and 8D brings its settings", () => {
  const recipe = recipeOf({ ...UNCHANGED, tempo: 1.25, semitones: -2, spatial: true, depth: 0.5, codec: "ogg" });
  expect(recipe).toEqual({
    operations: [
      { type: "tempo", factor: 1.25 },
      { type: "pitch", semitones: -2 },
      { type: "spatial", seed: 0, speed_hz: 0.1, depth: 0.5, room: 0.2, mix: 1 },
    ],
    output: { codec: "ogg", bitrate_kbps: 320 },
  });
});

test("8D that is off leaves no trace of its settings", () => {
  expect(recipeOf({ ...UNCHANGED, semitones: 1, speed_hz: 0.5 })?.operations).toEqual([{ type: "pitch", semitones: 1 }]);
});

test.each([
  [{ tempo: 1.25, semitones: 2, spatial: true }, "1.25 × tempo, +2 semitones, 8D → MP3"],
  [{ semitones: -1 }, "−1 semitone → MP3"],
  [{ tempo: 0.8, codec: "flac" as const }, "0.8 × tempo → FLAC"],
])("%o is told as %s", (change, words) => {
  const recipe = recipeOf({ ...UNCHANGED, ...change });
  expect(recipe && told(recipe)).toBe(words);
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
