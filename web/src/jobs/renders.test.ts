import { expect, test } from "vitest";
import type { Job, Track } from "../api/types";
import { hasRenders, withJob } from "./renders";

const recipe = { operations: [], output: { codec: "mp3", bitrate_kbps: 320 } };
const track = { ingest_job_id: "job_1", recipe } as unknown as Track;
const job = { job_id: "job_1", status: "running", stage: "transform", recipe, render: null } as unknown as Job;
const render = { codec: "mp3" } as unknown as Job["render"];

test("a track that is only analysed has none", () => {
  expect(hasRenders({ ...track, recipe: null }, [{ ...job, recipe: null }])).toBe(false);
  expect(hasRenders({ ...track, recipe: null }, [])).toBe(false);
});

test("a render counts where the upload's own job is so old that it is not listed any more", () => {
  expect(hasRenders({ ...track, recipe: null }, [{ ...job, job_id: "job_2", status: "succeeded", render }])).toBe(true);
});

test("what was read of a job alone stands in its place in a list that lags", () => {
  const first: Job = { ...job, created_at: "2026-01-01T00:00:00Z" };
  const second: Job = { ...job, job_id: "job_2", created_at: "2026-01-02T00:00:00Z" };
  const failed: Job = { ...first, status: "failed" };
  expect(withJob([second, first], failed)).toEqual([second, failed]);
  expect(withJob([second], failed)).toEqual([second, failed]);
  expect(withJob([first], second)).toEqual([second, first]);
});

test("a render that is on its way counts, before its job is listed too", () => {
  expect(hasRenders(track, [job])).toBe(true);
  expect(hasRenders(track, [])).toBe(true);
});

test("a render counts for as long as it is there, whatever came of a later job", () => {
  const done: Job = { ...job, status: "succeeded", render };
  expect(hasRenders(track, [done])).toBe(true);
  expect(hasRenders(track, [{ ...job, job_id: "job_2", status: "failed" }, done])).toBe(true);
});

test("after a failure there is nothing but the original", () => {
  expect(hasRenders(track, [{ ...job, status: "failed" }])).toBe(false);
});
