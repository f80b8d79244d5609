"""The 8D recipe that goes round: pydub decodes and encodes, numpy pans, pedalboard reverberates and limits."""

from __future__ import annotations

from typing import Any

from tests.performance.bench.workers.frame import COSTS, main


def circle(source: str, destination: str) -> dict[str, Any]:
    """A pan point every 2 s, cubic curves between them, √(0.5(1∓p)) to each channel, reverb, gain, limiter, MP3."""
    import numpy as np
    from imageio_ffmpeg import get_ffmpeg_exe
    from pedalboard import Gain, Limiter, Pedalboard, Reverb
    from pydub import AudioSegment
    from scipy.interpolate import interp1d

    COSTS.imported()
    AudioSegment.converter = get_ffmpeg_exe()
    # Named codec: else pydub asks an ffprobe, which not every ffmpeg brings.
    song = AudioSegment.from_file(source, format="mp3", codec="mp3")
    rate_hz = song.frame_rate
    samples = np.array(song.get_array_of_samples()).reshape(-1, song.channels) / 32768.0
    points = np.arange(0, len(samples) + 2 * rate_hz, 2 * rate_hz)
    wanted = np.sin(2 * np.pi * 0.1 * points / rate_hz)
    pan = np.clip(interp1d(points, wanted, kind="cubic")(np.arange(len(samples))), -1, 1)
    panned = np.stack([samples[:, 0] * np.sqrt(0.5 * (1 - pan)), samples[:, -1] * np.sqrt(0.5 * (1 + pan))], axis=1)
    board = Pedalboard([Reverb(room_size=0.3, wet_level=0.2, dry_level=0.8), Gain(3), Limiter(threshold_db=-1)])
    processed = board(panned.T.astype(np.float32), rate_hz).T
    whole = (np.clip(processed, -1, 1) * 32767).astype(np.int16)
    made = AudioSegment(whole.tobytes(), frame_rate=rate_hz, sample_width=2, channels=2)
    made.export(destination, format="mp3", bitrate="320k").close()
    return {}


if __name__ == "__main__":
    main({"circle": circle})
