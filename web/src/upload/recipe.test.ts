import { expect, test } from "vitest";
import { UNCHANGED, recipeOf, told } from "./recipe";

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
