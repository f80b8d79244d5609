// Listen: a waveform to see and click, and buttons that do the same for keyboards and screen readers.

import { useEffect, useRef, useState } from "react";
import type WaveSurfer from "wavesurfer.js";
import { clock } from "../ui/figures";
import type { Waveform } from "./peaks";

interface Props {
  label: string;
  url: string;
  waveform: Waveform | null;
  duration_s: number;
  /** Ask for a link that works: those that the page has end after some minutes. */
  renew: () => Promise<string | null>;
}

export function Player({ label, url, waveform, duration_s, renew }: Props) {
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [time, setTime] = useState(0);
  const [broken, setBroken] = useState("");
  const renewed = useRef(false);
  // A renewed link must not begin what plays anew: the address changes only when the old one no longer works.
  const [source] = useState(url);

  const recover = async () => {
    const element = audio.current;
    if (!element) return;
    const [at, wasPlaying] = [element.currentTime || time, playing];
    const fresh = renewed.current ? null : await renew();
    renewed.current = true;
    if (!fresh) {
      setPlaying(false);
      setBroken("This cannot be played here. Download it instead.");
      return;
    }
    element.src = fresh;
    element.currentTime = at;
    if (wasPlaying) await element.play();
  };

  const toggle = async () => {
    const element = audio.current;
    if (!element) return;
    if (playing) element.pause();
    else await element.play().catch(() => undefined); // What is wrong comes as the event "error".
  };

  const seek = (seconds: number) => {
    if (audio.current) audio.current.currentTime = seconds;
    setTime(seconds);
  };

  return (
    <div className="player" role="group" aria-label={label}>
      {waveform && <Waves waveform={waveform} audio={audio} duration_s={duration_s} />}
      {/* eslint-disable-next-line jsx-a11y/media-has-caption -- the page cannot know words of a song */}
      <audio
        ref={audio}
        src={source}
        preload="metadata"
        onPlay={() => { setPlaying(true); }}
        onPause={() => { setPlaying(false); }}
        onPlaying={() => { renewed.current = false; }}
        onTimeUpdate={({ currentTarget }) => { setTime(currentTarget.currentTime); }}
        onError={recover}
      />
      <div className="controls">
        <button type="button" className="play" onClick={toggle}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z"} />
          </svg>
          {playing ? "Pause" : "Play"}
        </button>
        <input
          type="range"
          aria-label={`Position in ${label}`}
          aria-valuetext={`${clock(time)} of ${clock(duration_s)}`}
          min={0}
          max={duration_s}
          step={0.1}
          value={Math.min(time, duration_s)}
          onChange={({ target }) => { seek(target.valueAsNumber); }}
        />
        <span className="figure">
          {clock(time)} / {clock(duration_s)}
        </span>
      </div>
      {broken && <p role="alert" className="refusal">{broken}</p>}
    </div>
  );
}

interface WavesProps {
  waveform: Waveform;
  audio: React.RefObject<HTMLAudioElement | null>;
  duration_s: number;
}

/** The picture; it is drawn from the server's peaks, so the file is never decoded here. */
function Waves({ waveform, audio, duration_s }: WavesProps) {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const container = box.current;
    if (!container) return;
    let waves: WaveSurfer | undefined;
    let gone = false;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => waves?.setOptions(colours(container));
    void import("wavesurfer.js").then(({ default: Library }) => {
      if (gone) return;
      waves = Library.create({
        container,
        ...(audio.current ? { media: audio.current } : {}),
        peaks: [waveform.upper, waveform.lower],
        duration: duration_s,
        height: 96,
        barWidth: 2,
        barGap: 1,
        barRadius: 1,
        cursorWidth: 2,
        interact: true,
        dragToSeek: true,
        ...colours(container),
      });
    });
    dark.addEventListener("change", recolour);
    return () => {
      gone = true;
      dark.removeEventListener("change", recolour);
      waves?.destroy();
    };
  }, [waveform, audio, duration_s]);

  // Everything that it does, the buttons beside it do as well.
  return <div ref={box} className="waves" aria-hidden="true" />;
}

function colours(element: Element) {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return { waveColor: of("--wave"), progressColor: of("--accent"), cursorColor: of("--text") };
}
