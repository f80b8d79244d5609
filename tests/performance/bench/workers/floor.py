"""The floor: a song decoded from MP3 in blocks and encoded as MP3 320 again, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.performance.bench.workers.frame import COSTS, main


def decode_encode(source: str, destination: str, quality: int = 5) -> dict[str, Any]:
    """libsndfile into lameenc, 16 bits a sample."""
    import lameenc
    import numpy as np
    import soundfile

    COSTS.imported()
    with soundfile.SoundFile(source) as opened, Path(destination).open("wb") as file:
        encoder = lameenc.Encoder()
        encoder.set_bit_rate(320)
        encoder.set_in_sample_rate(opened.samplerate)
        encoder.set_channels(opened.channels)
        encoder.set_quality(quality)
        encoder.silence()
        frames = 0
        while len(block := opened.read(1 << 16, dtype="float32", always_2d=True)):
            file.write(encoder.encode((np.clip(block, -1, 1) * 32767).astype("<i2").tobytes()))
            frames += len(block)
        file.write(encoder.flush())
    return {"frames": frames}


if __name__ == "__main__":
    main({"decode_encode": decode_encode})
