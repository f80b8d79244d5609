import { expect, test } from "vitest";
import type { Track, Tracks } from "../api/types";
import { withFirst, withMore } from "./listed";

const page = (ids: string[], next_cursor: string | null): Tracks => ({
  tracks: ids.map((track_id) => ({ track_id, title: track_id }) as Track),
  next_cursor,
});
const ids = ({ tracks }: { tracks: Track[] }) => tracks.map(({ track_id }) => track_id);

test("the first page tells where the second begins", () => {
  expect(withFirst(null, page(["c", "b"], "behind b")).next).toBe("behind b");
});

test("once the end was reached it stays reached, however often the first page is read", () => {
  const whole = withMore(withFirst(null, page(["c", "b"], "behind b")), page(["a"], null));
  const again = withFirst(whole, page(["c", "b"], "behind b"));
  expect(again.next).toBeNull();
  expect(ids(again)).toEqual(["c", "b", "a"]);
});

test("reading the first page anew does not lead back to the second", () => {
  const two = withMore(withFirst(null, page(["d", "c"], "behind c")), page(["b"], "behind b"));
  expect(withFirst(two, page(["d", "c"], "behind c")).next).toBe("behind b");
});

test("a new track comes first, and what is on both pages is there once", () => {
  const known = withFirst(null, page(["b", "a"], null));
  expect(ids(withFirst(known, page(["c", "b"], "behind b")))).toEqual(["c", "b", "a"]);
});
