"""Opus in Ogg: exact lengths at its own rates, the wanted bit rate, and the same bytes on every run."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.audio.signals import Samples, blocks, noise, tone, write
from tonearm_audio import Limits, OutputFormat, probe, render
from tonearm_audio.decode import Source
from tonearm_audio.encode import open_sink, output_sample_rate

LIMITS = Limits(max_duration_s=600.0, min_duration_s=0.0)


def encoded(path: Path, samples: Samples, *, kbps: int = 128, rate: int = 48000, block: int = 65536) -> Path:
    output = OutputFormat("opus", bitrate_kbps=kbps)
    with open_sink(path, output=output, sample_rate_hz=rate, channels=samples.shape[1]) as sink:
        for taken in blocks(samples, block):
            sink.write(taken)
    return path


@pytest.mark.parametrize("frames", [1, 959, 960, 961, 48000, 100_001])
@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (24000, 1), (16000, 2), (12000, 1), (8000, 1)])
def test_every_frame_comes_back(tmp_path: Path, frames: int, rate: int, channels: int) -> None:
    path = encoded(tmp_path / "a.opus", noise(1.0, rate=frames, channels=channels), rate=rate)

    found = probe(path, limits=LIMITS)

    assert (found.container, found.codec, found.frames) == ("ogg", "opus", frames)
    assert (found.sample_rate_hz, found.channels) == (rate, channels)


def test_the_music_is_in_its_place(tmp_path: Path) -> None:
    samples = tone(440, 2.0, rate=48000) + tone(1234, 2.0, rate=48000)

    path = encoded(tmp_path / "a.opus", samples, kbps=192)

    with Source(path) as source:
        error = (np.concatenate(list(source.blocks())) - samples)[4800:-4800]
    assert (error**2).mean() < 1e-3 * (samples**2).mean()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kbps", [32, 96, 192, 256])
def test_the_bit_rate_is_the_one_asked_for(tmp_path: Path, kbps: int, channels: int) -> None:
    samples = noise(6.0, rate=48000, channels=channels)

    path = encoded(tmp_path / "a.opus", samples, kbps=kbps)

    assert abs(path.stat().st_size * 8 / 6000 / kbps - 1) < 0.2


def test_the_bytes_depend_neither_on_the_run_nor_on_the_blocks(tmp_path: Path) -> None:
    samples = noise(5.0, rate=48000)

    files = {encoded(tmp_path / "a.opus", samples, block=block).read_bytes() for block in (999, 65536, len(samples))}

    assert len(files) == 1


@pytest.mark.parametrize(("rate", "expected"), [(44100, 48000), (96000, 48000), (48000, 48000), (16000, 16000)])
def test_a_rate_that_opus_has_not_goes_to_48_khz(tmp_path: Path, rate: int, expected: int) -> None:
    source = write(tmp_path / "a.wav", noise(1.0, rate=rate), rate=rate)

    result = render(source, tmp_path / "b.opus", operations=[], output=OutputFormat("opus"))

    assert result.sample_rate_hz == output_sample_rate(rate, OutputFormat("opus")) == expected
    assert result.frames == probe(tmp_path / "b.opus", limits=LIMITS).frames == expected
