// A recording from the microphone, which is on no longer than somebody waits for it.

/**
 * Ask for the microphone and record until the recorder is stopped; `onFile` then gets what was recorded. When `signal`
 * ends it, the microphone goes off and nothing is kept; null when it did so before there was a microphone. Throws what
 * the browser throws when it gives none, or cannot record.
 */
export async function record(onFile: (file: File) => void, signal: AbortSignal): Promise<MediaRecorder | null> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const release = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (signal.aborted) {
    release();
    return null;
  }
  try {
    const recorder = new MediaRecorder(stream);
    const pieces: Blob[] = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.onstop = () => {
      signal.removeEventListener("abort", release);
      release();
      if (signal.aborted) return;
      onFile(new File(pieces, recordingName(new Date(), recorder.mimeType), { type: recorder.mimeType }));
    };
    recorder.start();
    signal.addEventListener("abort", release);
    return recorder;
  } catch (thrown) {
    release();
    throw thrown;
  }
}

/** Safari records MP4, all others WebM. */
export function recordingName(at: Date, mimeType: string): string {
  const day = at.toISOString().slice(0, 16).replace("T", " ").replace(":", ".");
  return `Recording ${day}.${mimeType.includes("mp4") ? "m4a" : "webm"}`;
}
