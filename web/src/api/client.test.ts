import { afterEach, expect, test, vi } from "vitest";
import { Api } from "./client";
import { ProblemError } from "./problem";

const problem = { type: "about:blank", title: "x", status: 413, code: "track.too_large", detail: "Too large.", mend: "Cut it." };

function answering(...answers: (Response | Error)[]) {
  const asked = vi.fn((_url: string, _init: RequestInit) => {
    const answer = answers.shift();
    return answer instanceof Response ? Promise.resolve(answer) : Promise.reject(answer ?? new Error("asked too often"));
  });
  vi.stubGlobal("fetch", asked);
  return asked;
}
const json = (status: number, body: unknown, type = "application/json") =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });

afterEach(() => vi.unstubAllGlobals());

test("a problem is thrown as it was told", async () => {
  answering(json(413, problem, "application/problem+json"));
  const api = new Api("/v1", () => Promise.resolve("t"), vi.fn());
  const thrown: unknown = await api.createTrack({ filename: "a", size_bytes: 1 }, "once-1").catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ProblemError);
  expect((thrown as ProblemError).problem).toMatchObject({ code: "track.too_large", mend: "Cut it." });
});

test("after a 401 it asks once more with a new token", async () => {
  const asked = answering(json(401, {}), json(200, { tracks: [], next_cursor: null }));
  const token = vi.fn((renewed: boolean) => Promise.resolve(renewed ? "new" : "old"));
  const signedOut = vi.fn();
  await new Api("/v1", token, signedOut).tracks(null);
  expect(asked.mock.calls.map(([, init]) => new Headers(init.headers).get("Authorization"))).toEqual(["Bearer old", "Bearer new"]);
  expect(signedOut).not.toHaveBeenCalled();
});

test("a second 401 ends the session", async () => {
  answering(json(401, {}), json(401, {}));
  const signedOut = vi.fn();
  await expect(new Api("/v1", () => Promise.resolve("t"), signedOut).tracks(null)).rejects.toThrow();
  expect(signedOut).toHaveBeenCalledOnce();
});

test("no answer at all is a problem that can be read", async () => {
  answering(new TypeError("Failed to fetch"));
  const api = new Api("/v1", () => Promise.resolve("t"), vi.fn());
  await expect(api.tracks(null)).rejects.toMatchObject({ status: 0, problem: { code: "network.unreachable" } });
});

test("a page instead of a problem is told by its status", async () => {
  answering(new Response("<html>", { status: 502, headers: { "Content-Type": "text/html" } }));
  const api = new Api("/v1", () => Promise.resolve("t"), vi.fn());
  await expect(api.tracks(null)).rejects.toMatchObject({ problem: { code: "http.502" } });
});
