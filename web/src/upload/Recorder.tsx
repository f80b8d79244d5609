// Record from the microphone; what comes out is a file like any other.

import { useEffect, useRef, useState } from "react";
import { clock } from "../ui/figures";
import { record } from "./recording";

export function Recorder({ onFile, disabled }: { onFile: (file: File) => void; disabled: boolean }) {
  const [running, setRunning] = useState<MediaRecorder | null>(null);
  const [asking, setAsking] = useState(false);
  const [seconds, setSeconds] = useState(0);
  const [refusal, setRefusal] = useState("");
  const leaving = useRef<AbortController | null>(null);

  useEffect(() => () => leaving.current?.abort(), []);
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
    // Not disabled meanwhile, which would take the keyboard's place on the page away.
    if (asking) return;
    setRefusal("");
    setSeconds(0);
    setAsking(true);
    leaving.current = new AbortController();
    const done = (file: File) => {
      setRunning(null);
      onFile(file);
    };
    try {
      setRunning(await record(done, leaving.current.signal));
    } catch {
      setRefusal("The browser cannot record. Allow the microphone for this page, or choose a file.");
    } finally {
      setAsking(false);
    }
  };

  return (
    <div className="recorder">
      {running ? (
        <button type="button" className="quiet recording" onClick={() => { running.stop(); }}>
          Stop recording <span className="figure">{clock(seconds)}</span>
        </button>
      ) : (
        <button type="button" className="quiet" disabled={disabled} aria-disabled={asking} onClick={start}>
          Record with the microphone
        </button>
      )}
      <p role="status" className="refusal">{refusal}</p>
    </div>
  );
}
