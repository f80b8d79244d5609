import { expect, test } from "vitest";
import { tolerance } from "./Promises";

const promised = { name: "mono", operation: "spatial", unit: "dB", measured: 0.7, kept: true };

test.each([
  ["a range", { expected: 1, tolerance: 0.5, at_most: false }, "± 0.5"],
  ["nothing else", { expected: 1, tolerance: 0, at_most: false }, "exact"],
  ["an upper limit", { expected: 1, tolerance: 0.1, at_most: true }, "at most 1.1"],
  ["an upper limit without a tolerance", { expected: -1, tolerance: 0, at_most: true }, "at most -1"],
  ["of a certificate that does not say whether it is a limit", { expected: 0, tolerance: 3 }, "± 3"],
])("%s is told as such", (_, told, words) => {
  expect(tolerance({ ...promised, ...told })).toBe(words);
});
