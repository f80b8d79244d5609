import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FIRST_MS, nextWait, poll } from "./poll";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("the wait grows while nothing changes, up to five seconds, and begins anew after a change", () => {
  let wait = FIRST_MS;
  const waits = Array.from({ length: 9 }, () => (wait = nextWait(wait, false)));
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits.at(-1)).toBe(5000);
  expect(nextWait(5000, true)).toBe(FIRST_MS);
});

test("it looks until it has seen the end", async () => {
  const seen = ["queued", "running", "running", null];
  const look = vi.fn(() => Promise.resolve(seen.shift() ?? null));
  const done = poll(look, new AbortController().signal);
  await vi.runAllTimersAsync();
  await done;
  expect(look).toHaveBeenCalledTimes(4);
});

test("it ends at once when it is told to, and looks no more", async () => {
  const stop = new AbortController();
  const look = vi.fn(() => Promise.resolve("running"));
  const done = poll(look, stop.signal);
  await vi.advanceTimersByTimeAsync(FIRST_MS);
  const looks = look.mock.calls.length;
  stop.abort();
  await done;
  await vi.runAllTimersAsync();
  expect(look).toHaveBeenCalledTimes(looks);
});
