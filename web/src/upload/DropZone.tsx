// Choose a file, or drop one.

import { type DragEvent, useId, useState } from "react";
import { size } from "../ui/figures";

// Phones offer recordings for audio/*; not every system knows that the others are audio.
const ACCEPTED = "audio/*,video/mp4,video/webm,.aif,.aiff,.flac,.m4a,.mka,.mp3,.mp4,.oga,.ogg,.opus,.wav,.webm";

export function DropZone({ file, onFile }: { file: File | null; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const id = useId();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer.files[0];
    if (dropped) onFile(dropped);
  };
  const hover = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    // The input inside is what keyboards and screen readers use; dropping is for the mouse.
    <div className="drop" data-over={over} role="presentation" onDragOver={hover} onDragLeave={() => { setOver(false); }} onDrop={drop}>
      <input
        id={id}
        className="spoken"
        type="file"
        accept={ACCEPTED}
        onChange={({ target }) => {
          const chosen = target.files?.[0];
          if (chosen) onFile(chosen);
          // The same file can be chosen again.
          target.value = "";
        }}
      />
      <label htmlFor={id}>
        {file ? (
          <>
            <strong>{file.name}</strong>
            <span className="figure">{size(file.size)}</span>
            <span className="hint">Choose another</span>
          </>
        ) : (
          <>
            <strong>Choose a file</strong>
            <span className="hint">or drop it here: a song, or what your phone recorded</span>
          </>
        )}
      </label>
    </div>
  );
}
