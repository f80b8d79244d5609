"""Change tempo and pitch: one stretch in time and one resampling, whatever of both is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from tonearm_audio.decode import FloatBlock
from tonearm_audio.formants import FormantKeeper
from tonearm_audio.plan import NEUTRAL, Change
from tonearm_audio.resample import fit_length, resample
from tonearm_audio.stretch import stretch, window_frames


def process_change(
    blocks: Iterator[FloatBlock], *, change: Change, sample_rate_hz: int, channels: int, output_rate_hz: int
) -> Iterator[FloatBlock]:
    """Change tempo and pitch, and the sample rate with them.

    A pitch change by r is a stretch in time by r, then a resampling by r, which is exact where a transposing vocoder is
    off by some cents. The same resampling leads to the output's rate.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        change: the tempo and the pitch, and whether a voice's resonances stay where they are.
        sample_rate_hz: of `blocks`.
        channels: 1 or 2.
        output_rate_hz: of what is yielded.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32]; exactly
        round(change.frames_after(frames in) * output_rate_hz / sample_rate_hz) frames, at least one, or none for none.
        Bit for bit the input when nothing changes.
    """
    read = 0

    def counted() -> Iterator[FloatBlock]:
        nonlocal read
        for block in blocks:
            read += len(block)
            yield block

    def promised() -> int:
        return max(1, round(change.frames_after(read) * output_rate_hz / sample_rate_hz)) if read else 0

    made = counted()
    shifted = abs(change.pitch_ratio - 1.0) > NEUTRAL
    keeper = None
    if shifted and change.keep_formants:
        keeper = FormantKeeper(change.pitch_ratio, sample_rate_hz, window_frames(sample_rate_hz))
    if keeper is not None or abs(change.time_ratio - 1.0) > NEUTRAL:
        made = stretch(
            made, time_ratio=change.time_ratio, sample_rate_hz=sample_rate_hz, channels=channels, formants=keeper
        )
    ratio = change.pitch_ratio * sample_rate_hz / output_rate_hz
    if abs(ratio - 1.0) > NEUTRAL:
        made = resample(made, ratio=ratio, channels=channels)
    return fit_length(made, frames=promised, channels=channels)
