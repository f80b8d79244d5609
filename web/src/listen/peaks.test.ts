import { expect, test } from "vitest";
import { waveformOf } from "./peaks";

const peaks = { version: 2, channels: 1, sample_rate: 44100, samples_per_pixel: 441, bits: 8, length: 2, data: [-64, 127, -128, 0] };

test("least and greatest of each pixel become the two edges", () => {
  expect(waveformOf(peaks)).toEqual({ upper: [127 / 128, 0], lower: [-0.5, -1] });
});

test.each([
  ["another version", { ...peaks, version: 1 }],
  ["two channels", { ...peaks, channels: 2 }],
  ["fewer values than pixels", { ...peaks, data: [0, 1] }],
  ["nothing", { ...peaks, length: 0, data: [] }],
])("%s is not drawn", (_, document) => {
  expect(waveformOf(document)).toBeNull();
});
