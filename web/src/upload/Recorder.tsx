// Record from the microphone; what comes out is a file like any other.

import { useEffect, useRef, useState } from "react";
import { clock } from "../ui/figures";

export function Recorder({ onFile, disabled }: { onFile: (file: File) => void; disabled: boolean }) {
  const [running, setRunning] = useState<MediaRecorder | null>(null);
  const [seconds, setSeconds] = useState(0);
  const [refusal, setRefusal] = useState("");
  const stream = useRef<MediaStream | null>(null);

  const release = () => {
    for (const track of stream.current?.getTracks() ?? []) track.stop();
    stream.current = null;
  };
  useEffect(() => release, []);
  useEffect(() => {
    if (!running) return;
    const began = Date.now();
    const timer = setInterval(() => {
      setSeconds((Date.now() - began) / 1000);
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, [running]);

  if (typeof MediaRecorder === "undefined") return null;

  const start = async () => {
    setRefusal("");
    try {
      stream.current = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      setRefusal("The browser gives no microphone. Allow it for this page, or choose a file.");
      return;
    }
    const recorder = new MediaRecorder(stream.current);
    const pieces: Blob[] = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.onstop = () => {
      release();
      setRunning(null);
      onFile(new File(pieces, recordingName(new Date(), recorder.mimeType), { type: recorder.mimeType }));
    };
    setSeconds(0);
    recorder.start();
    setRunning(recorder);
  };

  return (
    <div className="recorder">
      {running ? (
        <button type="button" className="quiet recording" onClick={() => { running.stop(); }}>
          Stop recording <span className="figure">{clock(seconds)}</span>
        </button>
      ) : (
        <button type="button" className="quiet" disabled={disabled} onClick={start}>
          Record with the microphone
        </button>
      )}
      <p role="status" className="refusal">{refusal}</p>
    </div>
  );
}

/** Safari records MP4, all others WebM. */
export function recordingName(at: Date, mimeType: string): string {
  const day = at.toISOString().slice(0, 16).replace("T", " ").replace(":", ".");
  return `Recording ${day}.${mimeType.includes("mp4") ? "m4a" : "webm"}`;
}
