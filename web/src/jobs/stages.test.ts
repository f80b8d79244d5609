import { expect, test } from "vitest";
import type { Job } from "../api/types";
import { stepsOf } from "./stages";

const recipe = { operations: [{ type: "tempo", factor: 1.1 }], output: { codec: "mp3", bitrate_kbps: 320 } };
const job = { kind: "ingest", status: "running", stage: "analyze", percent: 20, recipe } as unknown as Job;
const states = (of: Job) => stepsOf(of).map(({ name, state }) => `${name} ${state}`);

test("an upload with a recipe goes through four stages", () => {
  expect(states(job)).toEqual(["Check done", "Analyse now", "Transform later", "Certify later"]);
});

test("without a recipe nothing is rendered, and a later render is not checked again", () => {
  expect(states({ ...job, recipe: null })).toEqual(["Check done", "Analyse now"]);
  expect(states({ ...job, kind: "render", stage: "transform" })).toEqual(["Transform now", "Certify later"]);
});

test("a failure stands at its stage", () => {
  expect(states({ ...job, status: "failed" })).toEqual(["Check done", "Analyse failed", "Transform later", "Certify later"]);
});
