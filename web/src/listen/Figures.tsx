// What was measured on a track.

import type { Analysis, Track } from "../api/types";
import { clock, keyName, measure } from "../ui/figures";

export function Figures({ track, analysis }: { track: Track; analysis: Analysis | null }) {
  const summary = track.analysis;
  if (!summary) return null;
  const rows: [string, string][] = [
    ["Length", clock(summary.duration_s)],
    ["Tempo", summary.tempo_bpm ? measure(summary.tempo_bpm, "BPM", 1) : "no steady pulse"],
  ];
  // Documents of before there were versions tell no key.
  if (analysis?.version) rows.push(["Key", analysis.key ? keyName(analysis.key) : "no clear key"]);
  rows.push(
    ["Loudness", summary.integrated_lufs == null ? "silent" : measure(summary.integrated_lufs, "LUFS", 1)],
    ["True peak", measure(summary.true_peak_dbtp, "dBTP", 1)],
  );
  if (analysis) rows.push(["Range", measure(analysis.loudness.range_lu, "LU", 1)]);
  if (track.probe) {
    const { container, sample_rate_hz, channels } = track.probe;
    rows.push(["File", `${container.toUpperCase()}, ${measure(sample_rate_hz / 1000, "kHz", 1)}, ${heard(channels)}`]);
  }
  return (
    <dl className="figures">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function heard(channels: number): string {
  return channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} channels`;
}
