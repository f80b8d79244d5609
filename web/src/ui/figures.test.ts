import { expect, test } from "vitest";
import { clock, keyName, measure, size } from "./figures";

test.each([[0, "0:00"], [75.9, "1:15"], [3725, "1:02:05"]])("%d s is %s", (seconds, words) => {
  expect(clock(seconds)).toBe(words);
});

test.each([[999, "999 bytes"], [1000, "1.0 kB"], [999_949, "999.9 kB"], [999_950, "1.0 MB"], [4_813_012, "4.8 MB"]])("%d bytes are %s", (bytes, words) => {
  expect(size(bytes)).toBe(words);
});

test("what was not measured is a dash", () => {
  expect(measure(null, "BPM")).toBe("–");
  expect(measure(-14.713, "LUFS", 1)).toBe("-14.7 LUFS");
});

test("a key is written as musicians write it", () => {
  expect(keyName({ tonic: "Bb", mode: "minor" })).toBe("B♭ minor");
  expect(keyName({ tonic: "F#", mode: "major" })).toBe("F♯ major");
  expect(keyName({ tonic: "B", mode: "minor" })).toBe("B minor");
});
