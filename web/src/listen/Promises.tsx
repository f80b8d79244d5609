// The certificate: what the recipe promised, and what was measured on the encoded file.

import type { Certificate, Promised } from "../api/types";
import { measure } from "../ui/figures";

// Every name that the engine gives a promise; tests/unit/web holds the two together.
const NAMES: Record<string, string> = {
  channels: "Channels",
  clipping: "Clipping",
  duration: "Length",
  dynamics: "Dynamics",
  fade_in: "Fade in",
  fade_out: "Fade out",
  gaps: "Gaps",
  level: "Level",
  loudness: "Loudness",
  mono: "Mono",
  motion: "Motion",
  pitch: "Pitch",
  response: "Response",
  sample_rate: "Sample rate",
  timing: "Timing",
  true_peak: "True peak",
};

export function Promises({ certificate }: { certificate: Certificate }) {
  const kept = certificate.promises.filter((promise) => promise.kept).length;
  return (
    <details className="promises">
      <summary>
        Certificate: {kept} of {certificate.promises.length} promises kept
      </summary>
      {/* A table that is wider than a phone is scrolled, by keyboard too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="scroll" role="region" aria-label="Promises of the recipe" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Promise</th>
              <th scope="col">Expected</th>
              <th scope="col">Measured</th>
              <th scope="col">Tolerance</th>
              <th scope="col">Kept</th>
            </tr>
          </thead>
          <tbody>
            {certificate.promises.map((promise) => (
              <tr key={`${promise.operation} ${promise.name}`}>
                <th scope="row">{NAMES[promise.name] ?? promise.name.replaceAll("_", " ")}</th>
                <td>{measure(promise.expected, promise.unit)}</td>
                <td>{measured(promise)}</td>
                <td>{tolerance(promise)}</td>
                <td data-kept={promise.kept}>{promise.kept ? "yes" : "no"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** How far what is measured may lie from what was promised. */
export function tolerance(promise: Promised): string {
  if (promise.at_most) return `at most ${measure((promise.expected ?? 0) + (promise.tolerance ?? 0), "")}`;
  return promise.tolerance ? `± ${measure(promise.tolerance, "")}` : "exact";
}

function measured(promise: Promised): string {
  return promise.measured === null ? (promise.note ?? "") : measure(promise.measured, promise.unit);
}
