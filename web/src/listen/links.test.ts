import { expect, test } from "vitest";
import { ProblemError, UNREACHABLE, unexplained } from "../api/problem";
import { received, refused } from "./links";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const link = (seconds: number) => ({ url: "u", filename: "f", expires_at: new Date(NOW + 1000 * seconds).toISOString() });
const kept = received({ analysis: link(300), render: null }, NOW);

test("links are renewed a minute before the first of them ends", () => {
  expect(kept.wait_ms).toBe(240_000);
  expect(received({ analysis: link(300), render: link(200), peaks: null }, NOW).wait_ms).toBe(140_000);
});

test("a clock that is fast does not make the page ask without end", () => {
  expect(received({ analysis: link(-3600) }, NOW).wait_ms).toBe(30_000);
});

test("a renewal that failed leaves the links, and says why until one succeeds", () => {
  const failed = refused(kept, new ProblemError(UNREACHABLE));
  expect(failed).toEqual({ links: kept.links, problem: UNREACHABLE, wait_ms: 30_000 });
  expect(received({ analysis: link(300) }, NOW).problem).toBeNull();
});

test("what will not get better is not asked again", () => {
  expect(refused(kept, new ProblemError(unexplained(404), 404)).wait_ms).toBeNull();
});
