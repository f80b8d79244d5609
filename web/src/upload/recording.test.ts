import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { record, recordingName } from "./recording";

const microphone = { stop: vi.fn() };
const onFile = vi.fn<(file: File) => void>();
let leaving: AbortController;

class Recorder {
  mimeType = "audio/webm;codecs=opus";
  ondataavailable?: (event: { data: Blob }) => void;
  onstop?: () => void;
  start = vi.fn();
  stop() {
    this.ondataavailable?.({ data: new Blob(["sound"]) });
    this.onstop?.();
  }
}

beforeEach(() => {
  vi.clearAllMocks();
  leaving = new AbortController();
  vi.stubGlobal("MediaRecorder", Recorder);
  given(() => Promise.resolve({ getTracks: () => [microphone] }));
});
afterEach(() => vi.unstubAllGlobals());

function given(getUserMedia: () => Promise<unknown>) {
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
}

test("what was recorded becomes a file, and the microphone goes off", async () => {
  const recorder = await record(onFile, leaving.signal);
  expect(microphone.stop).not.toHaveBeenCalled();
  recorder?.stop();
  expect(microphone.stop).toHaveBeenCalledOnce();
  expect(onFile.mock.calls[0]?.[0]).toMatchObject({ size: 5, type: "audio/webm;codecs=opus" });
});

test("a visitor who left before allowing the microphone is not recorded", async () => {
  const recording = record(onFile, leaving.signal);
  leaving.abort();
  expect(await recording).toBeNull();
  expect(microphone.stop).toHaveBeenCalledOnce();
});

test("leaving while it records puts the microphone off and keeps nothing", async () => {
  const recorder = await record(onFile, leaving.signal);
  leaving.abort();
  expect(microphone.stop).toHaveBeenCalled();
  recorder?.stop();
  expect(onFile).not.toHaveBeenCalled();
});

test("a browser that cannot record leaves no microphone on", async () => {
  vi.stubGlobal("MediaRecorder", function () {
    throw new TypeError("NotSupportedError");
  });
  await expect(record(onFile, leaving.signal)).rejects.toThrow("NotSupportedError");
  expect(microphone.stop).toHaveBeenCalledOnce();
});

test("a refused microphone is thrown", async () => {
  given(() => Promise.reject(new Error("NotAllowedError")));
  await expect(record(onFile, leaving.signal)).rejects.toThrow("NotAllowedError");
});

test.each([
  ["audio/mp4", "Recording 2026-01-02 03.04.m4a"],
  ["audio/webm;codecs=opus", "Recording 2026-01-02 03.04.webm"],
])("a recording as %s is called %s", (type, name) => {
  expect(recordingName(new Date("2026-01-02T03:04:05Z"), type)).toBe(name);
});
