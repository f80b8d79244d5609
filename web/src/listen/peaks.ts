// Waveforms as the server made them: BBC audiowaveform's JSON, version 2.

export interface Peaks {
  version: number;
  channels: number;
  sample_rate: number;
  samples_per_pixel: number;
  bits: number;
  length: number;
  /** Least and greatest sample of each pixel, in turns. */
  data: number[];
}

export interface Waveform {
  /** Upper and lower edge of each pixel, -1 to 1. */
  upper: number[];
  lower: number[];
}

/** The waveform of a document, or null when it is none that can be drawn. */
export function waveformOf(peaks: Peaks): Waveform | null {
  if (peaks.version !== 2 || peaks.channels !== 1 || peaks.data.length !== 2 * peaks.length || peaks.length === 0) {
    return null;
  }
  const full = 2 ** (peaks.bits - 1);
  const at = (index: number) => (peaks.data[index] ?? 0) / full;
  const pixels = Array.from({ length: peaks.length }, (_, pixel) => pixel);
  return {
    upper: pixels.map((pixel) => at(2 * pixel + 1)),
    lower: pixels.map((pixel) => at(2 * pixel)),
  };
}
